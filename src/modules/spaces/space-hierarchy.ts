import type { Timers } from '../../platform/timers.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { forbidden, invalidParam } from '../../protocol/matrix-error.ts';
import type { EventLog } from '../../rooms/events/event-log.ts';
import type { OutsideMemberships } from '../../rooms/membership/outside-memberships.ts';
import type { RoomOverviews } from '../../rooms/reading/room-overviews.ts';
import { serversOfInvite, type RoomReads } from '../../rooms/reading/room-reads.ts';
import { AskingAhead, type RoomElsewhere } from './asking-ahead.ts';
import type { RemoteSpaces, RoomWithChildren } from './remote-spaces.ts';
import {
  isSuggested,
  serversOfChild,
  spaceChildren,
  strippedChild,
  type SpaceChild,
} from './space-children.ts';

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
/** Where the walk will go next, as far as that is looked at beforehand. */
const MOST_UPCOMING = 10;
/** Rooms that are visited for one page, those of the pages before it included. */
const MOST_VISITED = 5_000;

/** What a walk knows of a room that it came to. */
interface Met {
  /** The smallest depth at which it was met. */
  depth: number;
  /** Undefined until it is shown, and for one that is not. */
  children: readonly SpaceChild[] | undefined;
}

/** A room that the walk comes to. */
interface Stop extends RoomElsewhere {
  readonly depth: number;
}

/**
 * Walks the trees of rooms below spaces (Client-Server API, "Discovering rooms within spaces"). Of rooms that are not here
 * other servers tell. A page's token holds how many
 * rooms were shown: the walk is made anew for each page, so nothing has to be remembered between them.
 */
export class SpaceHierarchy {
  readonly #log: EventLog;
  readonly #overviews: RoomOverviews;
  readonly #rooms: RoomReads;
  readonly #asking: ConstructorParameters<typeof AskingAhead>[0];

  constructor(needs: {
    log: EventLog;
    overviews: RoomOverviews;
    rooms: RoomReads;
    outside: OutsideMemberships;
    elsewhere: RemoteSpaces;
    timers: Timers;
  }) {
    this.#log = needs.log;
    this.#overviews = needs.overviews;
    this.#rooms = needs.rooms;
    this.#asking = needs;
  }

  /**
   * A page of the rooms below a space, and the space itself, depth first. Rooms of which only servers know that do not
   * answer in time are left out. A space that is not here is shown to who is invited to it.
   *
   * @throws MatrixError 403 M_FORBIDDEN for a room that is unknown or that the user may not know, 400 M_INVALID_PARAM for
   *   a token that is none, or is of a walk with another depth or choice of rooms.
   */
  async page(userId: UserId, rootId: RoomId, query: HierarchyQuery): Promise<JsonObject> {
    const walk = walkOf(userId, query);
    const servers = serversOfInvite(await this.#rooms.membership(rootId, userId));
    const asking = new AskingAhead(this.#asking);
    try {
      return await this.#walk(walk, { roomId: rootId, servers }, asking);
    } finally {
      asking.end();
    }
  }

  async #walk(walk: Walk, root: RoomElsewhere, asking: AskingAhead): Promise<JsonObject> {
    const rooms: JsonObject[] = [];
    const met = new Map<RoomId, Met>([[root.roomId, { depth: 0, children: undefined }]]);
    const stack: Stop[] = [{ ...root, depth: 0 }];
    let shown = 0;
    for (let next = stack.pop(); next && met.size <= MOST_VISITED; next = stack.pop()) {
      let children = met.get(next.roomId)?.children;
      if (!children) {
        const found = (await asking.isHere(next.roomId))
          ? await this.#here(next.roomId)
          : await asking.find(next, stack.slice(-MOST_UPCOMING).reverse());
        if (!found || !(await this.#overviews.mayKnow(found.overview, walk.userId))) {
          if (next.depth === 0) throw forbidden('There is no such room, or you may not know of it');
          continue;
        }
        if (rooms.length === walk.limit) return { rooms, next_batch: tokenOf(walk, shown) };
        children = walk.suggestedOnly ? found.children.filter(isSuggested) : found.children;
        met.set(next.roomId, { depth: next.depth, children });
        shown += 1;
        if (shown > walk.skip) rooms.push({ ...found.overview, children_state: children.map(strippedChild) });
      }
      if (next.depth >= walk.maxDepth) continue;
      for (const stop of stopsBelow(children, next.depth + 1, met).reverse()) stack.push(stop);
    }
    return { rooms };
  }

  async #here(roomId: RoomId): Promise<RoomWithChildren | undefined> {
    const overview = await this.#overviews.of(roomId);
    if (!overview) return undefined;
    const children = overview.room_type === 'm.space' ? await spaceChildren(this.#log, roomId) : [];
    return { overview, children };
  }
}

/**
 * Where to go on, in order: to rooms that the walk did not come to yet, and once more to spaces that it came to only deeper
 * down, where the depth may have kept it from what is below them.
 */
function stopsBelow(children: readonly SpaceChild[], depth: number, met: Map<RoomId, Met>): Stop[] {
  const stops: Stop[] = [];
  for (const child of children) {
    const { roomId } = child;
    const before = met.get(roomId);
    if (before && (before.depth <= depth || !before.children?.length)) continue;
    met.set(roomId, { depth, children: before?.children });
    stops.push({ roomId, depth, servers: serversOfChild(child) });
  }
  return stops;
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
