import { inParts } from '../../platform/list-parts.ts';
import type { RoomId } from '../../protocol/identifiers.ts';
import { searchKeys } from '../../protocol/search/search-key.ts';
import type { Database } from '../../storage/database.ts';
import * as searchStore from '../../storage/rooms/search-store.ts';
import type { SearchTerms } from '../../storage/rooms/search-terms.ts';

/** Positions that are read of a room at a time. */
const PAGE = 32;
/** Rooms that are asked at a time. */
const AT_ONCE = 16;
/** Matches of a room that are counted. */
const MOST_COUNTED = 500;

/** What is left to give of one room. */
interface RoomMatches {
  readonly keys: readonly number[];
  /** Newest first. */
  positions: number[];
  /** There may be older ones than these. */
  more: boolean;
  /** How many the first page had. */
  readonly first: number;
}

/** Positions of the index that match a search in some rooms, newest first over all of them. */
export class MatchesInRooms {
  readonly #database: Database;
  readonly #index: SearchTerms;
  readonly #rooms: RoomMatches[];

  private constructor(database: Database, index: SearchTerms, rooms: RoomMatches[]) {
    this.#database = database;
    this.#index = index;
    this.#rooms = rooms;
  }

  /**
   * Looks into each of the rooms.
   *
   * @param terms what the events must all have; at least one.
   * @param upTo position after which nothing counts.
   */
  static async find(
    database: Database,
    roomIds: readonly RoomId[],
    terms: readonly string[],
    upTo: number,
  ): Promise<MatchesInRooms> {
    const index = searchStore.searchTerms(database);
    const rooms: RoomMatches[] = [];
    for (const part of inParts(roomIds, AT_ONCE)) {
      const some = part.map(async (roomId) => {
        const keys = terms.map(searchKeys(roomId));
        const positions = await index.matches(database, keys, upTo, PAGE);
        if (positions.length > 0) {
          const first = positions.length;
          rooms.push({ keys, positions, more: first === PAGE, first });
        }
      });
      await Promise.all(some);
    }
    return new MatchesInRooms(database, index, rooms);
  }

  /** About how many there are. */
  async count(): Promise<number> {
    let sum = 0;
    for (const room of this.#rooms) {
      sum +=
        room.first === PAGE ? await this.#index.count(this.#database, room.keys, MOST_COUNTED) : room.first;
    }
    return sum;
  }

  /** Takes the next positions, at most `limit`; fewer when there are no more. */
  async take(limit: number): Promise<number[]> {
    const taken: number[] = [];
    while (taken.length < limit) {
      const newest = this.#newestRoom();
      const position = newest?.positions.shift();
      if (position === undefined) break;
      taken.push(position);
      if (newest) await this.#refill(newest, position);
    }
    return taken;
  }

  #newestRoom(): RoomMatches | undefined {
    let newest: RoomMatches | undefined;
    for (const room of this.#rooms) {
      if ((room.positions[0] ?? -Infinity) > (newest?.positions[0] ?? -Infinity)) newest = room;
    }
    return newest;
  }

  async #refill(room: RoomMatches, before: number): Promise<void> {
    if (room.positions.length > 0 || !room.more) return;
    room.positions = await this.#index.matches(this.#database, room.keys, before - 1, PAGE);
    room.more = room.positions.length === PAGE;
  }
}
