import type { OutgoingHttp } from '../../platform/outgoing-http.ts';
import { OutgoingError } from '../../platform/outgoing-http.ts';
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
import type { OutsideMemberships } from '../../rooms/outside-memberships.ts';
import type { RemoteInvites } from '../../rooms/remote-invites.ts';
import type { RoomWriter } from '../../rooms/room-writer.ts';
import { FederationError } from '../federation-error.ts';
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
const KEY_CHECK_MS = 10_000;

/** Turns third-party invites into invites of users (Server-Server API, "Third-party invites"). */
export class ThirdPartyExchange {
  readonly #writer: RoomWriter;
  readonly #outside: OutsideMemberships;
  readonly #remoteInvites: RemoteInvites;
  readonly #requests: MembershipRequests;
  readonly #outgoing: OutgoingHttp;
  readonly #serverName: ServerName;

  constructor(needs: {
    writer: RoomWriter;
    outside: OutsideMemberships;
    remoteInvites: RemoteInvites;
    requests: MembershipRequests;
    outgoing: OutgoingHttp;
    serverName: ServerName;
  }) {
    this.#writer = needs.writer;
    this.#outside = needs.outside;
    this.#remoteInvites = needs.remoteInvites;
    this.#requests = needs.requests;
    this.#outgoing = needs.outgoing;
    this.#serverName = needs.serverName;
  }

  /**
   * An identity server says that somebody proved an address for which there are invites. Nobody vouches for who asks: what
   * counts is that the invites are signed, which the rooms check. Those that do not work out are passed over.
   */
  async onBind(invites: readonly JsonValue[]): Promise<void> {
    for (const invite of invites.slice(0, MOST_INVITES)) {
      const turnedUp = isJsonObject(invite) ? turnedUpIn(invite) : undefined;
      if (!turnedUp || serverNameOf(turnedUp.target) !== this.#serverName) continue;
      await this.#pass(turnedUp).catch((error: unknown) => {
        if (error instanceof MatrixError || error instanceof FederationError) return;
        throw error;
      });
    }
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

  async #invite({ roomId, sender, target, signed }: TurnedUp): Promise<void> {
    if (!(await this.#outside.isHere(roomId))) throw notFound('Nobody of this server is in this room');
    const { token } = signed;
    const offer = await this.#writer.append(roomId, async (room) =>
      typeof token === 'string' ? room.stateEvent('m.room.third_party_invite', token) : undefined,
    );
    if (!offer) throw forbidden('The room has no third-party invite with this token');
    await this.#assertKeysHold(offer.content);
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

  /** Asks the identity server whether the keys of the invite are still its own. */
  async #assertKeysHold(offer: JsonObject): Promise<void> {
    const { public_key: key, key_validity_url: url } = offer;
    if (typeof key !== 'string' || typeof url !== 'string' || url === '') return;
    const query = new URLSearchParams({ public_key: key }).toString();
    const wanted = { method: 'GET', timeoutMs: KEY_CHECK_MS, maxBytes: 65_536 } as const;
    const answer = await this.#outgoing.request({ ...wanted, url: `${url}?${query}` }).catch(unlessOutgoing);
    const body = answer?.status === 200 ? parsed(answer.body) : undefined;
    if (body?.valid !== true) throw forbidden('The key of the third-party invite is not valid any more');
  }
}

function turnedUpIn({ room_id: room, sender: by, signed }: JsonObject): TurnedUp | undefined {
  if (!isJsonObject(signed)) return undefined;
  const roomId = typeof room === 'string' ? parseRoomId(room) : undefined;
  const sender = typeof by === 'string' ? parseUserId(by) : undefined;
  const target = typeof signed.mxid === 'string' ? parseUserId(signed.mxid) : undefined;
  return roomId && sender && target ? { roomId, sender, target, signed } : undefined;
}

function unlessOutgoing(error: unknown): undefined {
  if (error instanceof OutgoingError) return undefined;
  throw error;
}

function parsed(bytes: Buffer): JsonObject | undefined {
  try {
    const value: unknown = JSON.parse(bytes.toString('utf8'));
    return isJsonObject(value) ? value : undefined;
  } catch {
    return undefined;
  }
}
