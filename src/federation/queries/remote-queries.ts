import {
  parseRoomId,
  parseServerName,
  serverNameOf,
  type RoomAlias,
  type RoomId,
  type ServerName,
  type UserId,
} from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { MatrixError, notFound } from '../../protocol/matrix-error.ts';
import type { DirectoryQuery } from '../../rooms/creation/directory.ts';
import type { FederationClient, FederationRequest } from '../federation-client.ts';
import { FederationError } from '../federation-error.ts';

const TIMEOUT_MS = 10_000;
const LIST_TIMEOUT_MS = 30_000;
const MAX_BYTES = 10 * 1024 * 1024;
/** Servers taken from an answer. */
const MOST_SERVERS = 100;

/** Asks other servers what clients here want to know of them (Server-Server API, "Querying for information"). */
export class RemoteQueries {
  readonly #client: FederationClient;

  constructor(client: FederationClient) {
    this.#client = client;
  }

  /**
   * The profile of a user of another server, or one field of it.
   *
   * @throws MatrixError 404 for an unknown user; 502 or 504 when that server cannot be asked.
   */
  profile(userId: UserId, field?: string): Promise<JsonObject> {
    const query = { user_id: userId, field };
    return this.#ask(serverNameOf(userId), { ...GET, path: '/_matrix/federation/v1/query/profile', query });
  }

  /** The room of another server's alias, with servers that are in it. 404 for an unknown one, 502 or 504 as `profile`. */
  async directory(alias: RoomAlias): Promise<{ roomId: RoomId; servers: ServerName[] }> {
    const server = serverNameOf(alias);
    const path = '/_matrix/federation/v1/query/directory';
    const answer = await this.#ask(server, { ...GET, path, query: { room_alias: alias } });
    const roomId = typeof answer.room_id === 'string' ? parseRoomId(answer.room_id) : undefined;
    if (roomId === undefined) throw notFound(`${server} knows no room with the alias ${alias}`);
    const named = (Array.isArray(answer.servers) ? answer.servers : []).slice(0, MOST_SERVERS);
    const servers = named.flatMap((name) => (typeof name === 'string' ? (parseServerName(name) ?? []) : []));
    return { roomId, servers: [...new Set([server, ...servers])] };
  }

  /** A page of another server's directory. 502 or 504 as `profile`. */
  publicRooms(server: ServerName, query: DirectoryQuery): Promise<JsonObject> {
    const { limit, since, searchTerm, roomTypes, network, allNetworks } = query;
    const filter: JsonObject = {};
    if (searchTerm !== undefined) filter.generic_search_term = searchTerm;
    if (roomTypes !== undefined) filter.room_types = [...roomTypes];
    const body: JsonObject = {
      ...{ limit, since, third_party_instance_id: network },
      include_all_networks: allNetworks,
    };
    if (Object.keys(filter).length > 0) body.filter = filter;
    for (const key of Object.keys(body)) if (body[key] === undefined) delete body[key];
    const path = '/_matrix/federation/v1/publicRooms';
    return this.#ask(server, {
      ...{ method: 'POST', path, body },
      timeoutMs: LIST_TIMEOUT_MS,
      maxBytes: MAX_BYTES,
    });
  }

  /** A space of another server with the rooms below it, of those that users here may know. 404, 502 or 504 as `profile`. */
  hierarchy(server: ServerName, roomId: RoomId): Promise<JsonObject> {
    const path = `/_matrix/federation/v1/hierarchy/${encodeURIComponent(roomId)}`;
    return this.#ask(server, { method: 'GET', path, timeoutMs: TIMEOUT_MS, maxBytes: MAX_BYTES });
  }

  async #ask(server: ServerName, request: FederationRequest): Promise<JsonObject> {
    if (server === this.#client.serverName)
      throw new MatrixError(404, 'M_NOT_FOUND', 'There is nothing like that here');
    try {
      return await this.#client.request(server, request);
    } catch (error) {
      throw error instanceof FederationError ? error.toMatrixError() : error;
    }
  }
}

const GET = { method: 'GET', timeoutMs: TIMEOUT_MS, maxBytes: 262_144 } as const;
