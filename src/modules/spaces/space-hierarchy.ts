import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { forbidden, invalidParam } from '../../protocol/matrix-error.ts';
import type { EventLog } from '../../rooms/event-log.ts';
import type { RoomOverview, RoomOverviews } from '../../rooms/room-overviews.ts';
import type { StoredEvent } from '../../rooms/stored-event.ts';
import { isSuggested, spaceChildren, strippedChild } from './space-children.ts';

/** What a client asks of the tree below a space. */
export interface HierarchyQuery {
  readonly limit: number | undefined;
  readonly maxDepth: number | undefined;
  readonly suggestedOnly: boolean | undefined;
  readonly from: string | undefined;
}

/** A walk through the tree, from its beginning to where a page ends. */
interface Walk {
  readonly userId: UserId;
  readonly maxDepth: number;
  readonly suggestedOnly: boolean;
  /** Rooms that earlier pages showed. */
  readonly skip: number;
  readonly limit: number;
}

const DEFAULT_LIMIT = 50;
const MOST_ROOMS = 100;
const DEEPEST = 20;
/** Rooms that are visited for one page, those of the pages before it included. */
const MOST_VISITED = 5_000;

/**
 * Walks the trees of rooms below spaces (Client-Server API, "Discovering rooms within spaces"). A page's token holds how many
 * rooms were shown: the walk is made anew for each page, so nothing has to be remembered between them.
 */
export class SpaceHierarchy {
  readonly #log: EventLog;
  readonly #overviews: RoomOverviews;

  constructor(log: EventLog, overviews: RoomOverviews) {
    this.#log = log;
    this.#overviews = overviews;
  }

  /**
   * A page of the rooms below a space, and the space itself, depth first.
   *
   * @throws MatrixError 403 M_FORBIDDEN for a room that is unknown or that the user may not know, 400 M_INVALID_PARAM for
   *   a token that is none, or is of a walk with another depth or choice of rooms.
   */
  async page(userId: UserId, rootId: RoomId, query: HierarchyQuery): Promise<JsonObject> {
    const walk = walkOf(userId, query);
    const rooms: JsonObject[] = [];
    const visited = new Set<RoomId>([rootId]);
    const stack: { roomId: RoomId; depth: number }[] = [{ roomId: rootId, depth: 0 }];
    let shown = 0;
    for (let next = stack.pop(); next && visited.size <= MOST_VISITED; next = stack.pop()) {
      const overview = await this.#known(next.roomId, userId);
      if (!overview) {
        if (next.depth === 0) throw forbidden('There is no such room, or you may not know of it');
        continue;
      }
      if (rooms.length === walk.limit) return { rooms, next_batch: tokenOf(walk, shown) };
      const all = overview.room_type === 'm.space' ? await spaceChildren(this.#log, next.roomId) : [];
      const children = walk.suggestedOnly ? all.filter(isSuggested) : all;
      shown += 1;
      if (shown > walk.skip) rooms.push({ ...overview, children_state: children.map(strippedChild) });
      if (next.depth >= walk.maxDepth) continue;
      for (const roomId of unvisited(children, visited).reverse())
        stack.push({ roomId, depth: next.depth + 1 });
    }
    return { rooms };
  }

  async #known(roomId: RoomId, userId: UserId): Promise<RoomOverview | undefined> {
    const overview = await this.#overviews.of(roomId);
    return overview && (await this.#overviews.mayKnow(overview, userId)) ? overview : undefined;
  }
}

/** Rooms of the children that the walk did not come to yet, in order; they count as visited from now on. */
function unvisited(children: readonly StoredEvent[], visited: Set<RoomId>): RoomId[] {
  const fresh: RoomId[] = [];
  for (const { stateKey } of children) {
    const roomId = stateKey as RoomId;
    if (visited.has(roomId)) continue;
    visited.add(roomId);
    fresh.push(roomId);
  }
  return fresh;
}

function walkOf(userId: UserId, query: HierarchyQuery): Walk {
  const limit = Math.min(query.limit ?? DEFAULT_LIMIT, MOST_ROOMS);
  const maxDepth = Math.min(query.maxDepth ?? DEEPEST, DEEPEST);
  const suggestedOnly = query.suggestedOnly ?? false;
  if (query.from === undefined || query.from === '')
    return { userId, maxDepth, suggestedOnly, skip: 0, limit };
  const match = /^h(\d{1,6})_(\d{1,2})_([01])$/.exec(query.from);
  if (!match) throw invalidParam('"from" must be a "next_batch" of this endpoint');
  const before = { skip: Number(match[1]), maxDepth: Number(match[2]), suggestedOnly: match[3] === '1' };
  const sameDepth = query.maxDepth === undefined || maxDepth === before.maxDepth;
  const sameChoice = query.suggestedOnly === undefined || suggestedOnly === before.suggestedOnly;
  if (sameDepth && sameChoice) return { userId, ...before, limit };
  throw invalidParam('"max_depth" and "suggested_only" must be those of the first page');
}

function tokenOf(walk: Walk, shown: number): string {
  return `h${shown}_${walk.maxDepth}_${walk.suggestedOnly ? 1 : 0}`;
}
