import type { EventFilter } from '../../protocol/filter/event-filter.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import { SearchQuery } from '../../protocol/search/search-query.ts';
import type { Aggregations } from '../../rooms/relations/aggregations.ts';
import type { EventLog } from '../../rooms/events/event-log.ts';
import { withoutIgnored } from '../../rooms/reading/ignored-senders.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';
import type { StoredEvent } from '../../rooms/events/stored-event.ts';
import type { RoomAccess, Visibility } from '../../rooms/reading/visibility.ts';
import type { Database } from '../../storage/database.ts';
import { MatchesInRooms } from './matches-in-rooms.ts';
import { textNow, type SearchIndex } from './search-index.ts';
import { groupOf, type Group, type SearchPlace } from './search-token.ts';
import type { SearchKey } from './searchable-text.ts';

/** What somebody searches for. */
export interface EventSearchRequest {
  readonly userId: UserId;
  readonly term: string;
  readonly keys: readonly SearchKey[];
  /** Of each event but for its room. */
  readonly filter: EventFilter;
  readonly rooms: readonly string[] | undefined;
  readonly notRooms: readonly string[] | undefined;
  /** Results of a page: at least 1. */
  readonly limit: number;
  readonly orderBy: 'rank' | 'recent';
  /** Undefined for the first page. */
  readonly place: SearchPlace | undefined;
}

/** An event that was found. */
export interface SearchResult {
  readonly event: StoredEvent;
  readonly rank: number;
  readonly access: RoomAccess;
}

/** A page of what was found. */
export interface SearchPage {
  readonly results: readonly SearchResult[];
  /** About how many results there are on all pages. */
  readonly count: number;
  readonly highlights: readonly string[];
  /** Where the next page begins, if there may be more. */
  readonly next: SearchPlace | undefined;
  /** All results that are ordered by rank, of which the page is a part; undefined for the order by time. */
  readonly ranked: readonly SearchResult[] | undefined;
  /** Position after which nothing counts. */
  readonly upTo: number;
}

/** The newest matches, of which the order by rank is made. */
const MOST_RANKED = 500;
/** Matches looked at for one page. */
const MOST_LOOKED_AT = 2_000;
const CHUNK = 64;
/** Upgrades that are followed back from a room. */
const MOST_PREDECESSORS = 20;

/** One search as it goes on. */
interface Search {
  readonly request: EventSearchRequest;
  readonly query: SearchQuery;
  readonly ignored: ReadonlySet<UserId>;
  readonly accesses: Map<RoomId, RoomAccess>;
}

type Found = Omit<SearchPage, 'highlights'>;

/** What searching needs of the server. */
export interface EventSearchNeeds {
  readonly database: Database;
  readonly log: EventLog;
  readonly rooms: RoomReads;
  readonly visibility: Visibility;
  readonly aggregations: Aggregations;
  readonly index: SearchIndex;
  readonly ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
}

/** Finds events by their words, in all rooms that somebody is or was in (Client-Server API, "Server Side Search"). */
export class EventSearch {
  readonly #needs: EventSearchNeeds;

  constructor(needs: EventSearchNeeds) {
    this.#needs = needs;
  }

  /** A page of results. What the user may not see, or wants to ignore, is none. */
  async find(request: EventSearchRequest): Promise<SearchPage> {
    const { database, index } = this.#needs;
    const query = new SearchQuery(request.term);
    // What the asker said by way of another process may not have been told of here.
    if (!request.place) await database.caughtUp();
    const upTo = request.place?.upTo ?? database.position();
    const nothing = { results: [], count: 0, highlights: [], next: undefined, ranked: undefined, upTo };
    if (query.terms.length === 0) return nothing;
    await index.catchUp();
    const rooms = await this.#rooms(request);
    const ignored = await this.#needs.ignoredUsers(request.userId);
    const search: Search = { request, query, ignored, accesses: new Map() };
    const matches = await MatchesInRooms.find(database, rooms, query.terms, upTo);
    const { highlights } = query;
    if (request.orderBy === 'recent') return { ...(await this.#newest(search, matches, upTo)), highlights };
    return { ...(await this.#best(search, matches, upTo)), highlights };
  }

  async #newest(search: Search, matches: MatchesInRooms, upTo: number): Promise<Found> {
    const { limit, place } = search.request;
    const { results, reached } = await this.#take(search, matches, limit);
    const last = results.length === limit ? results.at(-1)?.event.position : reached;
    const count = place?.count ?? (last === undefined ? results.length : await matches.count());
    const next = last === undefined ? undefined : { upTo: last - 1, skip: 0, count, group: place?.group };
    return { results, count, next, ranked: undefined, upTo };
  }

  async #best(search: Search, matches: MatchesInRooms, upTo: number): Promise<Found> {
    const { limit, place } = search.request;
    const { results: found } = await this.#take(search, matches, MOST_RANKED);
    const all = found.sort((a, b) => b.rank - a.rank || b.event.position - a.event.position);
    const ranked = all.filter(({ event }) => isOf(place?.group, event));
    const skip = place?.skip ?? 0;
    const results = ranked.slice(skip, skip + limit);
    const isWhole = found.length < MOST_RANKED;
    const count = place?.count ?? (isWhole ? found.length : Math.max(await matches.count(), found.length));
    const isLast = skip + results.length >= ranked.length;
    const next = isLast ? undefined : { upTo, skip: skip + results.length, count, group: place?.group };
    return { results, count, next, ranked, upTo };
  }

  /** The next of the matches that are results; `reached` is where it gave up because too many were none. */
  async #take(
    search: Search,
    matches: MatchesInRooms,
    limit: number,
  ): Promise<{ results: SearchResult[]; reached: number | undefined }> {
    const results: SearchResult[] = [];
    let reached: number | undefined;
    for (let looked = 0; looked < MOST_LOOKED_AT && results.length < limit;) {
      const positions = await matches.take(Math.min(CHUNK, limit - results.length));
      reached = positions.at(-1);
      if (reached === undefined) break;
      looked += positions.length;
      results.push(...(await this.#results(search, await this.#needs.log.atPositions(positions))));
    }
    return { results, reached };
  }

  /** Those of the events that match in the text that the user sees of them. */
  async #results(search: Search, events: readonly StoredEvent[]): Promise<SearchResult[]> {
    const { filter, keys, userId, orderBy, place } = search.request;
    const group = orderBy === 'recent' ? place?.group : undefined;
    const wanted = withoutIgnored(events, search.ignored).filter(
      (event) => filter.matches(event) && isOf(group, event),
    );
    const related = await this.#needs.aggregations.related(wanted, filter);
    const visible = await this.#visible(search, related);
    const aggregations = await this.#needs.aggregations.of(visible, userId);
    const results: SearchResult[] = [];
    for (const event of visible) {
      const found = textNow(event, aggregations?.get(event.eventId)?.edit);
      const rank = found && keys.includes(found.key) ? search.query.rank(found.text) : undefined;
      const access = search.accesses.get(event.roomId);
      if (rank !== undefined && access) results.push({ event, rank, access });
    }
    return results;
  }

  async #visible(search: Search, events: readonly StoredEvent[]): Promise<StoredEvent[]> {
    const { visibility } = this.#needs;
    const seen = new Set<StoredEvent>();
    for (const [roomId, ofRoom] of Map.groupBy(events, (event) => event.roomId)) {
      const known = search.accesses.get(roomId);
      const access = known ?? (await visibility.access(roomId, search.request.userId));
      search.accesses.set(roomId, access);
      for (const event of await visibility.filter(access, ofRoom)) seen.add(event);
    }
    return events.filter((event) => seen.has(event));
  }

  /** The rooms to search: those asked for and the rooms they replaced, as far as the user is or was in them. */
  async #rooms(request: EventSearchRequest): Promise<RoomId[]> {
    const { userId, rooms: asked, notRooms, orderBy, place } = request;
    const own = (await this.#needs.rooms.roomsOf(userId)).filter(
      (room) => !room.forgotten && room.membership !== 'invite' && room.membership !== 'knock',
    );
    const ownIds = new Set(own.map((room) => room.roomId));
    const wanted = asked ? await this.#withPredecessors(asked as RoomId[], ownIds) : ownIds;
    const refused = new Set(notRooms);
    const group = orderBy === 'recent' ? place?.group : undefined;
    return [...wanted].filter(
      (roomId) => !refused.has(roomId) && (group?.key !== 'room_id' || group.value === roomId),
    );
  }

  async #withPredecessors(asked: readonly RoomId[], own: ReadonlySet<RoomId>): Promise<Set<RoomId>> {
    const found = new Set<RoomId>();
    for (const start of asked) {
      let roomId: RoomId | undefined = start;
      for (let step = 0; roomId !== undefined && own.has(roomId) && step <= MOST_PREDECESSORS; step++) {
        if (found.has(roomId)) break;
        found.add(roomId);
        const create = await this.#needs.rooms.state(roomId, 'm.room.create', '');
        roomId = predecessorOf(create?.content.predecessor);
      }
    }
    return found;
  }
}

function isOf(group: Group | undefined, event: StoredEvent): boolean {
  return !group || group.value === groupOf(group.key, event);
}

function predecessorOf(value: unknown): RoomId | undefined {
  const roomId =
    typeof value === 'object' && value !== null ? (value as { room_id?: unknown }).room_id : undefined;
  return typeof roomId === 'string' ? (roomId as RoomId) : undefined;
}
