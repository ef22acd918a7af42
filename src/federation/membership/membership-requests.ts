import type { Pdu } from '../../protocol/events/event.ts';
import type { EventId, RoomId, ServerName, UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { ROOM_VERSIONS } from '../../protocol/room-versions.ts';
import type { SignedInvite } from '../../rooms/membership/remote-rooms.ts';
import type { FederationClient } from '../federation-client.ts';
import { FederationError } from '../federation-error.ts';

/** Memberships that begin with a template by a server that is in the room. */
export type Handshake = 'join' | 'knock' | 'leave';

/** Whose membership in which room. */
export interface Member {
  readonly roomId: RoomId;
  readonly userId: UserId;
}

const V1 = '/_matrix/federation/v1';
const V2 = '/_matrix/federation/v2';
/** Answers of the first version are a list of the status and what later ones answer. */
const PUT_OF_V1 = { method: 'PUT', answeredInList: true } as const;
const TIMEOUT_MS = 30_000;
/** A large room's state takes its time. */
const JOIN_TIMEOUT_MS = 120_000;

/** Asks other servers about memberships (Server-Server API, "Joining Rooms", "Inviting", "Leaving", "Knocking"). */
export class MembershipRequests {
  readonly #client: FederationClient;

  constructor(client: FederationClient) {
    this.#client = client;
  }

  /** GET make_join, make_knock or make_leave: an event to complete, and the room's version. */
  async template(server: ServerName, step: Handshake, { roomId, userId }: Member): Promise<JsonObject> {
    const path = `${V1}/make_${step}/${encodeURIComponent(roomId)}/${encodeURIComponent(userId)}`;
    const query = step === 'leave' ? {} : { ver: [...ROOM_VERSIONS.keys()] };
    return this.#client.request(server, { method: 'GET', path, query, timeoutMs: TIMEOUT_MS });
  }

  /**
   * PUT send_join: the room's state before the join. Servers that know only the first version are asked that way.
   *
   * @param omitMembers whether most members may be left out of the state.
   */
  async sendJoin(
    server: ServerName,
    { roomId, eventId, pdu }: { roomId: RoomId; eventId: EventId; pdu: Pdu },
    omitMembers: boolean,
  ): Promise<JsonObject> {
    const suffix = `/send_join/${encodeURIComponent(roomId)}/${encodeURIComponent(eventId)}`;
    return this.#put(server, suffix, pdu, {
      ...{ timeoutMs: JOIN_TIMEOUT_MS, holdsEvents: true },
      query: { omit_members: omitMembers },
    });
  }

  /** GET hierarchy: whether the server says that the room lets guests in. */
  async letsGuestsIn(server: ServerName, roomId: RoomId): Promise<boolean> {
    const path = `${V1}/hierarchy/${encodeURIComponent(roomId)}`;
    const { room } = await this.#client.request(server, { method: 'GET', path, timeoutMs: TIMEOUT_MS });
    return isJsonObject(room) && room.room_id === roomId && room.guest_can_join === true;
  }

  /** PUT send_leave. */
  async sendLeave(server: ServerName, roomId: RoomId, eventId: EventId, body: Pdu): Promise<void> {
    const suffix = `/send_leave/${encodeURIComponent(roomId)}/${encodeURIComponent(eventId)}`;
    await this.#put(server, suffix, body, { timeoutMs: TIMEOUT_MS });
  }

  /** PUT send_knock: what the one who knocks is shown of the room. */
  async sendKnock(
    server: ServerName,
    roomId: RoomId,
    eventId: EventId,
    body: Pdu,
  ): Promise<readonly JsonValue[]> {
    const path = `${V1}/send_knock/${encodeURIComponent(roomId)}/${encodeURIComponent(eventId)}`;
    const answer = await this.#client.request(server, { method: 'PUT', path, body, timeoutMs: TIMEOUT_MS });
    return Array.isArray(answer.knock_room_state) ? (answer.knock_room_state as JsonValue[]) : [];
  }

  /** PUT invite: the invite as the invited user's server signed it. */
  async sendInvite(
    server: ServerName,
    invite: SignedInvite,
    strippedState: readonly Pdu[],
  ): Promise<JsonValue | undefined> {
    const { roomId, eventId, version, pdu } = invite;
    const suffix = `/invite/${encodeURIComponent(roomId)}/${encodeURIComponent(eventId)}`;
    const body = { room_version: version.id, event: pdu, invite_room_state: [...strippedState] };
    try {
      const request = { method: 'PUT', path: V2 + suffix, body, timeoutMs: TIMEOUT_MS } as const;
      return (await this.#client.request(server, request)).event;
    } catch (error) {
      if (version.eventIdFormat !== 'server-chosen' || !mayBeOlder(error)) throw error;
    }
    const old = { ...pdu, unsigned: { invite_room_state: [...strippedState] } };
    const request = { ...PUT_OF_V1, path: V1 + suffix, body: old, timeoutMs: TIMEOUT_MS };
    return (await this.#client.request(server, request)).event;
  }

  /** PUT exchange_third_party_invite. */
  async exchangeThirdPartyInvite(server: ServerName, roomId: RoomId, body: JsonObject): Promise<void> {
    const path = `${V1}/exchange_third_party_invite/${encodeURIComponent(roomId)}`;
    await this.#client.request(server, { method: 'PUT', path, body, timeoutMs: TIMEOUT_MS });
  }

  async #put(
    server: ServerName,
    suffix: string,
    body: Pdu,
    how: { timeoutMs: number; holdsEvents?: boolean; query?: Readonly<Record<string, boolean>> },
  ): Promise<JsonObject> {
    const { query: _, ...old } = how;
    try {
      return await this.#client.request(server, { method: 'PUT', path: V2 + suffix, body, ...how });
    } catch (error) {
      if (!isUnknownEndpoint(error)) throw error;
    }
    return this.#client.request(server, { ...PUT_OF_V1, path: V1 + suffix, body, ...old });
  }
}

/** Codes by which a server finds fault with the form of a request, which is this server's and not that of the client's. */
const ABOUT_THE_FORM: readonly (string | undefined)[] = ['M_INVALID_PARAM', 'M_MISSING_PARAM'];

/**
 * The error for a client on whose behalf a server was asked to let somebody in, or to take an invite: as `toMatrixError`, but
 * 502 where that server finds fault with the form of the request (Server-Server API, "Joining Rooms", "Inviting to a room").
 */
export function errorForClient(failure: FederationError): MatrixError {
  const isOfForm = failure.status === 400 && ABOUT_THE_FORM.includes(failure.errcode);
  return isOfForm ? new MatrixError(502, 'M_UNKNOWN', failure.message) : failure.toMatrixError();
}

/** An older server refuses the second version of an invite in one way or another (Server-Server API, "Inviting to a room"). */
function mayBeOlder(error: unknown): boolean {
  return (
    isUnknownEndpoint(error) || (error instanceof FederationError && [400, 404].includes(error.status ?? 0))
  );
}

function isUnknownEndpoint(error: unknown): boolean {
  if (!(error instanceof FederationError) || error.reason !== 'refused') return false;
  const isMissing = error.status === 404 || error.status === 405;
  return isMissing && (error.errcode === undefined || error.errcode === 'M_UNRECOGNIZED');
}
