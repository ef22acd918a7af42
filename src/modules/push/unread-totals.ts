import { boundedCache } from '../../platform/bounded-cache.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';
import type { Database } from '../../storage/database.ts';
import type { RecentChanges } from '../../storage/recent-changes.ts';
import * as unreadCountsStore from '../../storage/rooms/unread-counts-store.ts';
import { UnreadCounts } from './unread-counts.ts';

/** What is unread in the rooms of a user, of those where something is. */
interface Totals {
  readonly byRoom: Map<RoomId, number>;
  /** Right up to this position. */
  upTo: number;
}

const CACHED = 20_000;

/** How many messages users have not read in all of their rooms, as gateways are told. */
export class UnreadTotals {
  readonly #database: Database;
  readonly #rooms: RoomReads;
  readonly #counts: UnreadCounts;
  readonly #recent: RecentChanges;
  readonly #totals = boundedCache<UserId, Totals>(CACHED);

  constructor(needs: { database: Database; rooms: RoomReads; counts: UnreadCounts; recent: RecentChanges }) {
    this.#database = needs.database;
    this.#rooms = needs.rooms;
    this.#counts = needs.counts;
    this.#recent = needs.recent;
  }

  /** The number of unread messages, right up to a position not before the newest that is known. */
  async of(userId: UserId): Promise<{ unread: number; position: number }> {
    const upTo = this.#database.position();
    const known = this.#totals.get(userId);
    const changed = known
      ? await this.#changedRooms(userId, known)
      : await unreadCountsStore.roomsToCount(this.#database, userId);
    const byRoom = new Map(known?.byRoom);
    const budget = UnreadCounts.budget();
    for (const roomId of changed) {
      let unread = 0;
      for (const count of (await this.#counts.of(userId, roomId, upTo, budget)).values())
        unread += count.notify;
      if (unread > 0) byRoom.set(roomId, unread);
      else byRoom.delete(roomId);
    }
    this.#totals.set(userId, { byRoom, upTo });
    let unread = 0;
    for (const count of byRoom.values()) unread += count;
    return { unread, position: upTo };
  }

  async #changedRooms(userId: UserId, { byRoom, upTo }: Totals): Promise<Set<RoomId>> {
    const joined = await this.#rooms.joinedRooms(userId);
    const changed = new Set<RoomId>();
    const ofUser = this.#recent.userChangedSince(userId, upTo);
    for (const roomId of byRoom.keys()) if (ofUser || !joined.has(roomId)) changed.add(roomId);
    for (const roomId of joined)
      if (this.#recent.roomChangedSince(roomId, upTo, 'event')) changed.add(roomId);
    return changed;
  }
}
