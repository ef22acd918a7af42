import {
  parseRoomId,
  parseUserId,
  serverNameOf,
  type RoomId,
  type ServerName,
  type UserId,
} from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { forbidden, invalidParam, MatrixError, notFound } from '../../protocol/matrix-error.ts';
import type { OutsideMemberships } from '../../rooms/membership/outside-memberships.ts';
import type { RemoteInvites } from '../../rooms/membership/remote-invites.ts';
import type { RoomWriter } from '../../rooms/appending/room-writer.ts';
import { FederationError } from '../federation-error.ts';
import type { InviteKeyCheck } from './invite-key-check.ts';
import type { MembershipRequests } from './membership-requests.ts';

/** Somebody who turned up for a third-party invite. */
interface TurnedUp {
  readonly roomId: RoomId;
  /** Who made the invite. */
  readonly sender: UserId;
  readonly target: UserId;
  readonly signed: JsonObject;
}

/** Invites of one identity server's notice that are worked on. */
const MOST_INVITES = 50;

/** Turns third-party invites into invites of users (Server-Server API, "Third-party invites"). */
export class ThirdPartyExchange {
  readonly #writer: RoomWriter;
  readonly #outside: OutsideMemberships;
  readonly #remoteInvites: RemoteInvites;
  readonly #requests: MembershipRequests;
  readonly #keys: InviteKeyCheck;
  readonly #serverName: ServerName;

  constructor(needs: {
    writer: RoomWriter;
    outside: OutsideMemberships;
    remoteInvites: RemoteInvites;
    requests: MembershipRequests;
    keys: InviteKeyCheck;
    serverName: ServerName;
  }) {
    this.#writer = needs.writer;
    this.#outside = needs.outside;
    this.#remoteInvites = needs.remoteInvites;
    this.#requests = needs.requests;
    this.#keys = needs.keys;
    this.#serverName = needs.serverName;
  }

  /**
   * An identity server says that somebody proved an address for which there are invites. Nobody vouches for who asks: what
   * counts is that the invites are signed, which the rooms check. Those that are refused are passed over.
   *
   * @throws MatrixError 502 or 504 where a server could not be asked that may be asked later: so may this be, with all of it.
   */
  async onBind(invites: readonly JsonValue[]): Promise<void> {
    let unheard: FederationError | undefined;
    for (const invite of invites.slice(0, MOST_INVITES)) {
      const turnedUp = isJsonObject(invite) ? turnedUpIn(invite) : undefined;
      if (!turnedUp || serverNameOf(turnedUp.target) !== this.#serverName) continue;
      await this.#pass(turnedUp).catch((error: unknown) => {
        if (error instanceof FederationError && error.isTransient) unheard = error;
        else if (!(error instanceof MatrixError || error instanceof FederationError)) throw error;
      });
    }
    if (unheard) throw unheard.toMatrixError();
  }

  /**
   * Turns an invitation into one of a user of this server, by what the identity server signed for them. Nothing happens for
   * one who is invited or joined already.
   *
   * @throws MatrixError 400 for what is not signed for this user, 403 when the room does not accept it.
   */
  async accept(target: UserId, roomId: RoomId, signed: JsonObject): Promise<void> {
    const { mxid, token, sender: by } = signed;
    if (typeof token !== 'string' || mxid !== target) {
      throw invalidParam('"third_party_signed" must have "token", and as "mxid" the user who joins');
    }
    const sender = typeof by === 'string' ? parseUserId(by) : undefined;
    if (await this.#outside.isHere(roomId)) return this.#invite({ roomId, sender, target, signed });
    if (!sender) throw invalidParam('"third_party_signed" must have as "sender" who made the invite');
    await this.#pass({ roomId, sender, target, signed }).catch((error: unknown) => {
      throw error instanceof FederationError ? error.toMatrixError() : error;
    });
  }

  /**
   * Another server asks for the invite of one who turned up there.
   *
   * @throws MatrixError 400 for what is no such wish, 403 when the room does not accept it, 404 for a room that is not here.
   */
  async exchange(server: ServerName, roomId: RoomId, event: JsonObject): Promise<void> {
    const { type, state_key: stateKey, sender: by, content } = event;
    const invite = isJsonObject(content) ? content.third_party_invite : undefined;
    const signed = isJsonObject(invite) ? invite.signed : undefined;
    const target = typeof stateKey === 'string' ? parseUserId(stateKey) : undefined;
    const sender = typeof by === 'string' ? parseUserId(by) : undefined;
    if (type !== 'm.room.member' || !isJsonObject(signed) || !target || !sender) {
      throw invalidParam('The body must be an m.room.member event with "third_party_invite"');
    }
    if (serverNameOf(target) !== server) throw forbidden(`${target} is not a user of ${server}`);
    if (serverNameOf(sender) !== this.#serverName) throw forbidden(`${sender} is not a user of this server`);
    await this.#invite({ roomId, sender, target, signed });
  }

  /** Invites where the one who made the invite is of this server, else asks that one's server. */
  async #pass(turnedUp: TurnedUp): Promise<void> {
    const { roomId, sender, target, signed } = turnedUp;
    const server = serverNameOf(sender);
    if (server === this.#serverName) return this.#invite(turnedUp);
    const content = { membership: 'invite', third_party_invite: { display_name: '', signed } };
    const event = { type: 'm.room.member', room_id: roomId, sender, state_key: target, content };
    await this.#requests.exchangeThirdPartyInvite(server, roomId, event);
  }

  /** @param turnedUp.sender whoever made the invite, where nobody says who that was. */
  async #invite(turnedUp: Omit<TurnedUp, 'sender'> & { readonly sender: UserId | undefined }): Promise<void> {
    const { roomId, target, signed } = turnedUp;
    if (!(await this.#outside.isHere(roomId))) throw notFound('Nobody of this server is in this room');
    const { token } = signed;
    const offer = await this.#writer.append(roomId, async (room) =>
      typeof token === 'string' ? room.stateEvent('m.room.third_party_invite', token) : undefined,
    );
    if (!offer) throw forbidden('The room has no third-party invite with this token');
    await this.#keys.assertHolds(offer.content, signed);
    const sender = turnedUp.sender ?? offer.sender;
    const { display_name: name } = offer.content;
    const invite = { display_name: typeof name === 'string' ? name : '', signed };
    const content: JsonObject = { membership: 'invite', third_party_invite: invite };
    if (serverNameOf(target) !== this.#serverName) {
      await this.#remoteInvites.invite({ roomId, sender, target, content });
      return;
    }
    await this.#writer.append(roomId, async (room) => {
      const membership = await room.membership(target);
      if (membership === 'join' || membership === 'invite') return;
      await room.add({ type: 'm.room.member', stateKey: target, sender, content });
    });
  }
}

function turnedUpIn({ room_id: room, sender: by, signed }: JsonObject): TurnedUp | undefined {
  if (!isJsonObject(signed)) return undefined;
  const roomId = typeof room === 'string' ? parseRoomId(room) : undefined;
  const sender = typeof by === 'string' ? parseUserId(by) : undefined;
  const target = typeof signed.mxid === 'string' ? parseUserId(signed.mxid) : undefined;
  return roomId && sender && target ? { roomId, sender, target, signed } : undefined;
}
