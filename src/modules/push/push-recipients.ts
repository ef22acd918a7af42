import { boundedCache } from '../../platform/bounded-cache.ts';
import { LRUCache } from 'lru-cache';
import { serverNameOf, type RoomId, type ServerName, type UserId } from '../../protocol/identifiers.ts';
import { membershipChange } from '../../rooms/events/room-changes.ts';
import type { Change, Database } from '../../storage/database.ts';
import { ReadCache } from '../../storage/read-cache.ts';
import * as pushersStore from '../../storage/push/pushers-store.ts';
import type { PusherRow } from '../../storage/push/pushers-store.ts';

/** Pairs of room and user, and users, that are kept in memory. */
const CACHED_PAIRS = 500_000;
const CACHED_USERS = 20_000;

/** Who has pushers, by room and by user: bounded, and up to date with the log. */
export class PushRecipients {
  readonly #database: Database;
  readonly #serverName: ServerName;
  readonly #byRoom: ReadCache<RoomId, Set<UserId>>;
  readonly #byUser: ReadCache<UserId, readonly PusherRow[]>;

  constructor(database: Database, serverName: ServerName) {
    this.#database = database;
    this.#serverName = serverName;
    const pairs = new LRUCache<RoomId, Set<UserId>>({
      maxSize: CACHED_PAIRS,
      sizeCalculation: (users) => 1 + users.size,
    });
    this.#byRoom = new ReadCache(database, pairs, (change) => this.#outdatedRooms(change));
    this.#byUser = new ReadCache(database, boundedCache(CACHED_USERS), ({ topic, users }) =>
      topic === 'pusher' || topic === 'session' ? users : [],
    );
  }

  /** Whether somebody in the room may have a pusher. Reads nothing. */
  mayBeIn(roomId: RoomId): boolean {
    return this.#byRoom.known(roomId)?.size !== 0;
  }

  /** Users who are joined to the room and may have pushers. */
  async inRoom(roomId: RoomId): Promise<readonly UserId[]> {
    const users = await this.#byRoom.get(
      roomId,
      async () => new Set(await pushersStore.usersInRoom(this.#database, roomId)),
    );
    return [...users];
  }

  /** The user turned out to have no pushers. */
  hasNone(roomId: RoomId, userId: UserId): void {
    this.#byRoom.known(roomId)?.delete(userId);
  }

  /** The user's pushers. */
  async ofUser(userId: UserId): Promise<readonly PusherRow[]> {
    return this.#byUser.get(userId, () => pushersStore.ofUser(this.#database, userId));
  }

  /** Who comes and goes is noted in what is kept of the room. */
  #outdatedRooms(change: Change): readonly RoomId[] | 'all' {
    if (change.topic === 'pusher') {
      return (change.data as { isNew?: true } | null)?.isNew === true ? 'all' : [];
    }
    const moved = membershipChange(change);
    if (!moved || serverNameOf(moved.userId) !== this.#serverName) return [];
    const users = this.#byRoom.known(moved.roomId);
    if (!users) return [moved.roomId];
    if (moved.membership === 'join') this.#byRoom.set(moved.roomId, users.add(moved.userId));
    else users.delete(moved.userId);
    return [];
  }
}
