import type { IdentityAccess, IdentityServers } from '../../accounts/identity-server.ts';
import type { Threepid } from '../../accounts/threepids/threepid-addresses.ts';
import { PowerLevels } from '../../protocol/auth/power-levels.ts';
import { parseUserId, type RoomId, type UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { forbidden, MatrixError } from '../../protocol/matrix-error.ts';
import type { Actor, MembershipChanges } from './membership-changes.ts';
import type { RoomWriter } from '../appending/room-writer.ts';

/** Who is invited to which room. */
export interface AddressInvite {
  readonly roomId: RoomId;
  readonly threepid: Threepid;
  /** Whether the room is meant for the two of them; told to who is known already. */
  readonly isDirect?: boolean | undefined;
  /** What the room is told of who is invited, where it is not left to the identity server. */
  readonly displayName?: string | undefined;
}

/** What is told of a room (`store-invite`): the key, and where it is in the room's state. */
const FACTS: readonly (readonly [string, string, string])[] = [
  ['room_alias', 'm.room.canonical_alias', 'alias'],
  ['room_avatar_url', 'm.room.avatar', 'url'],
  ['room_join_rules', 'm.room.join_rules', 'join_rule'],
  ['room_name', 'm.room.name', 'name'],
  ['room_type', 'm.room.create', 'type'],
];
/** The same of who invites, from their membership. */
const FACTS_OF_SENDER: readonly (readonly [string, string])[] = [
  ['sender_display_name', 'displayname'],
  ['sender_avatar_url', 'avatar_url'],
];

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
    { roomId, threepid, isDirect, displayName }: AddressInvite,
  ): Promise<void> {
    await this.#assertMayInvite(actor.userId, roomId);
    const mxid = await this.#identity.lookup(access, threepid);
    const known = mxid === undefined ? undefined : parseUserId(mxid);
    if (known) return this.#changes.invite(actor, roomId, known, { isDirect });
    const { medium, address } = threepid;
    const facts = await this.#factsOf(roomId, actor.userId);
    const wish = { medium, address, room_id: roomId, sender: actor.userId, ...facts };
    const stored = await this.#identity.storeInvite(access, wish);
    const keys = stored.keys.map(({ publicKey, validityUrl }) => ({
      public_key: publicKey,
      key_validity_url: validityUrl,
    }));
    const content: JsonObject = {
      display_name: displayName ?? stored.displayName,
      ...keys[0],
      public_keys: keys,
    };
    await this.#writer.append(roomId, async (room) => {
      const event = { type: 'm.room.third_party_invite', stateKey: stored.token, content };
      await room.add({ ...event, sender: actor.userId });
    });
  }

  /**
   * Invites as `invite` does, into a room that was just made: that the identity server does not answer or refuses does not
   * undo the room, and told of it, the client would make another.
   */
  async inviteIfPossible(actor: Actor, access: IdentityAccess, invite: AddressInvite): Promise<void> {
    try {
      await this.invite(actor, access, invite);
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error;
    }
  }

  /** What the invited person is told of the room and of who invites. */
  async #factsOf(roomId: RoomId, sender: UserId): Promise<JsonObject> {
    const wanted = FACTS.map(([key, type, part]) => ({ key, part, type, stateKey: '' }));
    const ofSender = FACTS_OF_SENDER.map(([key, part]) => ({
      ...{ key, part, type: 'm.room.member', stateKey: sender },
    }));
    const facts: JsonObject = {};
    await this.#writer.append(roomId, async (room) => {
      for (const { key, type, stateKey, part } of [...wanted, ...ofSender]) {
        const value = (await room.stateEvent(type, stateKey))?.content[part];
        if (typeof value === 'string') facts[key] = value;
      }
    });
    return facts;
  }

  /** Asked before the identity server is: it writes a mail for an invitation that it keeps. */
  async #assertMayInvite(userId: UserId, roomId: RoomId): Promise<void> {
    await this.#writer.append(roomId, async (room) => {
      const create = await room.stateEvent('m.room.create', '');
      if (!create || (await room.membership(userId)) !== 'join') {
        throw forbidden('Only who is in the room may invite');
      }
      const levels = await room.stateEvent('m.room.power_levels', '');
      const power = new PowerLevels(room.head.version, create, levels);
      if (power.userLevel(userId) < power.invite) {
        throw forbidden('Your power level does not allow you to invite');
      }
    });
  }
}
