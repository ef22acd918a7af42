import type { IdentityAccess, IdentityServers } from '../accounts/identity-server.ts';
import type { Threepid } from '../accounts/threepid-addresses.ts';
import { parseUserId, type RoomId, type UserId } from '../protocol/identifiers.ts';
import type { JsonObject } from '../protocol/json.ts';
import { forbidden, invalidParam } from '../protocol/matrix-error.ts';
import type { Actor, MembershipChanges } from './membership-changes.ts';
import type { RoomWriter } from './room-writer.ts';

/** Who is invited to which room. */
export interface AddressInvite {
  readonly roomId: RoomId;
  readonly threepid: Threepid;
  /** Whether the room is meant for the two of them; told to who is known already. */
  readonly isDirect?: boolean | undefined;
}

/** Invites people of whom only an address or phone number is known (Client-Server API, "Third-party invites"). */
export class ThirdPartyInvites {
  readonly #identity: IdentityServers;
  readonly #writer: RoomWriter;
  readonly #changes: MembershipChanges;

  constructor(identity: IdentityServers, writer: RoomWriter, changes: MembershipChanges) {
    this.#identity = identity;
    this.#writer = writer;
    this.#changes = changes;
  }

  /**
   * Invites the user to whom the identity server knows the identifier to belong; else leaves an invitation there and
   * writes into the room by which key whoever turns up will be known.
   *
   * @throws MatrixError 403 when the sender may not invite or the identity server refuses, 502 when it does not answer.
   */
  async invite(
    actor: Actor,
    access: IdentityAccess,
    { roomId, threepid, isDirect }: AddressInvite,
  ): Promise<void> {
    const mayInvite = await this.#isJoined(actor.userId, roomId);
    if (!mayInvite) throw forbidden('Only who is in the room may invite');
    const mxid = await this.#identity.lookup(access, threepid);
    const known = mxid === undefined ? undefined : parseUserId(mxid);
    if (known) return this.#changes.invite(actor, roomId, known, { isDirect });
    const { medium, address } = threepid;
    const stored = await this.#identity.storeInvite(access, {
      ...{ medium, address, room_id: roomId, sender: actor.userId },
    });
    const keys = stored.keys.map(({ publicKey, validityUrl }) => ({
      public_key: publicKey,
      key_validity_url: validityUrl,
    }));
    const content: JsonObject = { display_name: stored.displayName, ...keys[0], public_keys: keys };
    await this.#writer.append(roomId, async (room) => {
      const event = { type: 'm.room.third_party_invite', stateKey: stored.token, content };
      await room.add({ ...event, sender: actor.userId });
    });
  }

  /**
   * Turns an invitation into one of this user, by what the identity server signed for them. Nothing happens for one who is
   * invited or joined already; the room's rules check the signature.
   *
   * @throws MatrixError 400 for what is not signed for this user, 403 when the room does not accept it.
   */
  async accept(userId: UserId, roomId: RoomId, signed: JsonObject): Promise<void> {
    const { mxid, token } = signed;
    if (typeof token !== 'string' || mxid !== userId) {
      throw invalidParam('"third_party_signed" must have "token", and as "mxid" the user who joins');
    }
    await this.#writer.append(roomId, async (room) => {
      const membership = await room.membership(userId);
      if (membership === 'join' || membership === 'invite') return;
      const offer = await room.stateEvent('m.room.third_party_invite', token);
      if (!offer) throw forbidden('The room has no third-party invite with this token');
      const { display_name: name } = offer.content;
      const invite = { display_name: typeof name === 'string' ? name : '', signed };
      const content: JsonObject = { membership: 'invite', third_party_invite: invite };
      await room.add({ type: 'm.room.member', stateKey: userId, content, sender: offer.sender });
    });
  }

  async #isJoined(userId: UserId, roomId: RoomId): Promise<boolean> {
    let isJoined = false;
    await this.#writer.append(roomId, async (room) => {
      isJoined = (await room.membership(userId)) === 'join';
    });
    return isJoined;
  }
}
