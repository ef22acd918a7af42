import type { RemoteQueries } from '../../federation/queries/remote-queries.ts';
import { boundedCache } from '../../platform/bounded-cache.ts';
import { parseRoomId, type RoomId, type ServerName } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { RoomOverview } from '../../rooms/reading/room-overviews.ts';
import { parseSpaceChildren, type SpaceChild } from './space-children.ts';

/** A room with the children that it has as a space. */
export interface RoomWithChildren {
  readonly overview: RoomOverview;
  readonly children: readonly SpaceChild[];
}

/** How many answers are kept, and for how long, in milliseconds. */
const MOST_KEPT = 500;
const MOST_SILENT = 1_000;
const KEPT_MS = 60_000;
/** Servers asked for one room, one after the other. */
const MOST_ASKED = 3;
const TEXTS = ['name', 'topic', 'avatar_url', 'canonical_alias', 'room_type', 'encryption', 'room_version'];

/**
 * What other servers say of rooms that are not here (Server-Server API, "GET hierarchy"). Answers are kept for a minute, and so
 * is who gave none in time.
 */
export class RemoteSpaces {
  readonly #queries: RemoteQueries;
  /** By server and room: what one says is nothing against what another says. */
  readonly #known = boundedCache<string, RoomWithChildren>(MOST_KEPT, KEPT_MS);
  readonly #silent = boundedCache<ServerName, true>(MOST_SILENT, KEPT_MS);

  constructor(queries: RemoteQueries) {
    this.#queries = queries;
  }

  /** A room, as the first of the servers that tells of it says. Whether a user may know it is for the caller to check. */
  async find(roomId: RoomId, servers: readonly ServerName[]): Promise<RoomWithChildren | undefined> {
    for (const server of [...new Set(servers)].slice(0, MOST_ASKED)) {
      const known = this.#known.get(keyOf(server, roomId));
      if (known) return known;
      if (this.#silent.has(server)) continue;
      const answer = await this.#ask(server, roomId);
      const found = isJsonObject(answer?.room) ? roomIn(answer.room) : undefined;
      if (found?.overview.room_id !== roomId) continue;
      this.#known.set(keyOf(server, roomId), found);
      this.#keepLeaves(server, answer?.children);
      return found;
    }
    return undefined;
  }

  /** What one of the servers said of a room within the last minute. */
  known(roomId: RoomId, servers: readonly ServerName[]): RoomWithChildren | undefined {
    for (const server of servers) {
      const known = this.#known.get(keyOf(server, roomId));
      if (known) return known;
    }
    return undefined;
  }

  /** Rooms below a space that are no spaces need not be asked for one by one. */
  #keepLeaves(server: ServerName, children: JsonValue | undefined): void {
    for (const child of Array.isArray(children) ? children.slice(0, MOST_KEPT / 2) : []) {
      const found = isJsonObject(child) ? roomIn(child) : undefined;
      if (found && found.overview.room_type !== 'm.space') {
        this.#known.set(keyOf(server, found.overview.room_id), found);
      }
    }
  }

  async #ask(server: ServerName, roomId: RoomId): Promise<JsonObject | undefined> {
    try {
      return await this.#queries.hierarchy(server, roomId);
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error;
      if (error.status === 504) this.#silent.set(server, true);
      return undefined;
    }
  }
}

function keyOf(server: ServerName, roomId: RoomId): string {
  return `${server} ${roomId}`;
}

function roomIn(told: JsonObject): RoomWithChildren | undefined {
  const { room_id: roomId, num_joined_members: members, join_rule: rule } = told;
  if (typeof roomId !== 'string' || typeof members !== 'number') return undefined;
  if (parseRoomId(roomId) === undefined) return undefined;
  const overview: JsonObject = {
    room_id: roomId,
    num_joined_members: members,
    join_rule: typeof rule === 'string' ? rule : 'public',
    guest_can_join: told.guest_can_join === true,
    world_readable: told.world_readable === true,
  };
  for (const key of TEXTS) if (typeof told[key] === 'string') overview[key] = told[key];
  if (Array.isArray(told.allowed_room_ids)) {
    overview.allowed_room_ids = told.allowed_room_ids.filter(
      (id) => typeof id === 'string' && parseRoomId(id) !== undefined,
    );
  }
  return { overview: overview as RoomOverview, children: parseSpaceChildren(told.children_state) };
}
