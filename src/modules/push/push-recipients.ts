import { boundedCache } from '../../platform/bounded-cache.ts';
import { serverNameOf, type RoomId, type ServerName, type UserId } from '../../protocol/identifiers.ts';
import { membershipChange } from '../../rooms/events/room-changes.ts';
import type { Change, Database } from '../../storage/database.ts';
import * as pushersStore from '../../storage/push/pushers-store.ts';
import type { PusherRow } from '../../storage/push/pushers-store.ts';

/** Pairs of room and user, and users, that are kept in memory. */
const CACHED_PAIRS = 500_000;
const CACHED_USERS = 20_000;

/** Who has pushers, by room and by user: bounded, and up to date with the log. */
export class PushRecipients {
  readonly #database: Database;
  readonly #serverName: ServerName;
  readonly #byRoom = boundedCache<RoomId, Set<UserId>>(CACHED_PAIRS);
  readonly #byUser = boundedCache<UserId, readonly PusherRow[]>(CACHED_USERS);
  /** Counts changes: what was read while one came in may be outdated. */
  #changes = 0;

  constructor(database: Database, serverName: ServerName) {
    this.#database = database;
    this.#serverName = serverName;
    database.subscribe((changes) => {
      for (const change of changes) this.#note(change);
    });
  }

  /** Whether somebody in the room may have a pusher. Reads nothing. */
  mayBeIn(roomId: RoomId): boolean {
    return this.#byRoom.get(roomId)?.size !== 0;
  }

  /** Users who are joined to the room and may have pushers. */
  async inRoom(roomId: RoomId): Promise<readonly UserId[]> {
    const known = this.#byRoom.get(roomId);
    if (known) return [...known];
    const changes = this.#changes;
    const users = new Set(await pushersStore.usersInRoom(this.#database, roomId));
    if (changes === this.#changes) this.#keep(roomId, users);
    return [...users];
  }

  /** The user turned out to have no pushers. */
  hasNone(roomId: RoomId, userId: UserId): void {
    this.#byRoom.get(roomId)?.delete(userId);
  }

  /** The user's pushers. */
  async ofUser(userId: UserId): Promise<readonly PusherRow[]> {
    const known = this.#byUser.get(userId);
    if (known) return known;
    const changes = this.#changes;
    const rows = await pushersStore.ofUser(this.#database, userId);
    if (changes === this.#changes) this.#byUser.set(userId, rows);
    return rows;
  }

  #note(change: Change): void {
    const moved = membershipChange(change);
    if (moved && serverNameOf(moved.userId) === this.#serverName) {
      this.#changes += 1;
      const users = this.#byRoom.get(moved.roomId);
      if (users && moved.membership === 'join') this.#keep(moved.roomId, users.add(moved.userId));
      else users?.delete(moved.userId);
    }
    if (change.topic !== 'pusher' && change.topic !== 'session' && change.topic !== 'reset') return;
    this.#changes += 1;
    for (const userId of change.users) this.#byUser.delete(userId);
    const isNew = change.topic === 'pusher' && (change.data as { isNew?: true } | null)?.isNew === true;
    if (isNew || change.topic === 'reset') this.#byRoom.clear();
    if (change.topic === 'reset') this.#byUser.clear();
  }

  #keep(roomId: RoomId, users: Set<UserId>): void {
    this.#byRoom.set(roomId, users, { size: 1 + users.size });
  }
}
