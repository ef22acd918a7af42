import {
  parseRoomId,
  parseUserId,
  serverNameOf,
  type RoomId,
  type ServerName,
  type UserId,
} from '../protocol/identifiers.ts';
import type { JsonObject, JsonValue } from '../protocol/json.ts';
import { badJson, forbidden } from '../protocol/matrix-error.ts';
import type { PartialRooms } from '../rooms/state/partial-rooms.ts';
import type { RoomReads } from '../rooms/reading/room-reads.ts';
import type { Database, Writer } from '../storage/database.ts';
import * as outgoingStore from '../storage/federation/outgoing-store.ts';
import type { EduHandler, EduHandlers } from './receiving/edu-handlers.ts';
import type { RoomAcl } from './room-acl.ts';
import { storeEdu, type FederationSender } from './sending/federation-sender.ts';
import type { RoomServers } from './sending/room-servers.ts';
import type { VolatileEdu } from './sending/volatile-edus.ts';

/** With so much kept for a server, no more answers to what it asks are kept. */
export const MOST_KEPT = 1_000;

/** How modules exchange ephemeral data with other servers (Server-Server API, "EDUs"). */
export class EduExchange {
  readonly servers: RoomServers;
  readonly #database: Database;
  readonly #ownServer: ServerName;
  readonly #handlers: EduHandlers;
  readonly #sender: FederationSender;
  readonly #acl: RoomAcl;
  readonly #partial: PartialRooms;
  readonly #onProblem: (error: unknown) => void;

  constructor(needs: {
    database: Database;
    servers: RoomServers;
    ownServer: ServerName;
    handlers: EduHandlers;
    sender: FederationSender;
    acl: RoomAcl;
    partial: PartialRooms;
    onProblem: (error: unknown) => void;
  }) {
    this.servers = needs.servers;
    this.#database = needs.database;
    this.#ownServer = needs.ownServer;
    this.#handlers = needs.handlers;
    this.#sender = needs.sender;
    this.#acl = needs.acl;
    this.#partial = needs.partial;
    this.#onProblem = needs.onProblem;
  }

  /** Registers what takes in data of a type. */
  on(type: string, handler: EduHandler): void {
    this.#handlers.on(type, handler);
  }

  /** Whether a user is of this server. */
  isOwn(userId: UserId): boolean {
    return serverNameOf(userId) === this.#ownServer;
  }

  /**
   * Sends volatile data to the other servers in some rooms, if they can be reached soon.
   *
   * @param isLocal whether it is of this process: of what another process told, only servers that this one sends to get it.
   */
  sendToRooms(rooms: readonly RoomId[], edu: VolatileEdu, isLocal: boolean): void {
    this.serversOf(rooms)
      .then((servers) => this.#sender.sendSoon(servers, edu, isLocal))
      .catch((error: unknown) => {
        // Volatile data of a server that ends is lost, and nobody has to hear of it.
        if (!this.#sender.isStopped) this.#onProblem(error);
      });
  }

  /** Sends volatile data to some servers, if they can be reached soon. `isLocal` as of `sendToRooms`. */
  sendSoon(servers: Iterable<ServerName>, edu: VolatileEdu, isLocal: boolean): void {
    this.#sender.sendSoon(servers, edu, isLocal);
  }

  /** The other servers in some rooms. */
  serversOf(rooms: Iterable<RoomId>): Promise<ReadonlySet<ServerName>> {
    return this.servers.ofAny(rooms);
  }

  /** Keeps data for servers until they have taken it, as part of a unit of work. */
  store(unit: Writer, servers: Iterable<ServerName>, type: string, content: JsonObject): void {
    storeEdu(unit, [...servers], type, content);
  }

  /**
   * As `store`, of what answers data that a server sent: it is left out where too much is kept for that server already, which
   * may go on asking and take nothing.
   */
  async storeAnswer(unit: Writer, server: ServerName, type: string, content: JsonObject): Promise<void> {
    const kept = await outgoingStore.countOfEdus(this.#database, server, MOST_KEPT);
    if (kept < MOST_KEPT) this.store(unit, [server], type, content);
  }

  /**
   * Whether a user of another server may do something in a room: joined, or, where members of the room are yet to come, not
   * known to be otherwise, and of a server that is in the room.
   */
  async mayBeJoined(rooms: RoomReads, roomId: RoomId, userId: UserId): Promise<boolean> {
    const known = await rooms.membership(roomId, userId);
    if (known) return known.membership === 'join';
    return this.#partial.isPartial(roomId) && this.servers.isIn(serverNameOf(userId), roomId);
  }

  /** Whether the room's access control list lets a server tell something of a room. */
  allows(roomId: RoomId, origin: ServerName): Promise<boolean> {
    return this.#acl.allows(roomId, origin);
  }
}

/**
 * The user that data of a server is about.
 *
 * @throws MatrixError 400 for what is no user ID, 403 for a user of another server.
 */
export function userOf(origin: ServerName, value: JsonValue | undefined): UserId {
  const userId = typeof value === 'string' ? parseUserId(value) : undefined;
  if (userId === undefined) throw badJson('The user ID is missing or malformed');
  if (serverNameOf(userId) !== origin) throw forbidden(`${userId} is not a user of ${origin}`);
  return userId;
}

/** A room ID. 400 M_BAD_JSON for what is none. */
export function roomOf(value: JsonValue | undefined): RoomId {
  const roomId = typeof value === 'string' ? parseRoomId(value) : undefined;
  if (roomId === undefined) throw badJson('The room ID is missing or malformed');
  return roomId;
}
