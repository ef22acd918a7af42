import { LRUCache } from 'lru-cache';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Visibility } from '../../rooms/reading/visibility.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';
import type { Notifier } from '../notifier.ts';
import { RoomFacts, type FactNeeds } from './room-facts.ts';
import { UserRooms, type ListedRoom } from './user-rooms.ts';

/** What reading a user's rooms needs. */
export interface OrderNeeds extends FactNeeds {
  readonly notifier: Notifier;
  readonly visibility: Visibility;
  readonly isInviteHidden: (invited: UserId, inviter: UserId) => Promise<boolean>;
  readonly ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
}

/** Rooms of all users together that are kept in order. */
const MOST_ROOMS = 300_000;

/** The rooms, in order, of those who use sliding sync at this process. */
export class RoomOrders {
  readonly #needs: OrderNeeds;
  readonly #users = new LRUCache<UserId, UserRooms>({
    maxSize: MOST_ROOMS,
    sizeCalculation: (rooms) => 1 + rooms.size,
    dispose: (rooms) => rooms.ended(),
  });
  readonly #loading = new Map<UserId, Promise<UserRooms>>();

  constructor(needs: OrderNeeds) {
    this.#needs = needs;
  }

  /** The user's rooms. Costs a query when they were not asked for lately. */
  async of(userId: UserId): Promise<UserRooms> {
    const known = this.#users.get(userId);
    if (known && !known.isOutdated) {
      this.#needs.notifier.keep(userId);
      return known;
    }
    const loading =
      this.#loading.get(userId) ?? this.#load(userId).finally(() => this.#loading.delete(userId));
    this.#loading.set(userId, loading);
    return loading;
  }

  async #load(userId: UserId): Promise<UserRooms> {
    const { notifier, reader, ignoredUsers } = this.#needs;
    const isHidden = async (inviter: UserId) =>
      (await ignoredUsers(userId)).has(inviter) || this.#needs.isInviteHidden(userId, inviter);
    const rooms = new UserRooms(userId, new RoomFacts(this.#needs, userId), isHidden);
    const from = await notifier.watch(userId, rooms);
    const listed: ListedRoom[] = [];
    for (const row of await membershipsStore.listed(reader, userId)) {
      const { membership } = row;
      const roomId = row.room_id as RoomId;
      const sender = row.sender as UserId;
      const isGone = membership === 'leave' || membership === 'ban';
      if (isGone && !(await this.#wasJoined(userId, roomId))) continue;
      if (membership === 'invite' && (await isHidden(sender))) continue;
      const newest = membership === 'join' ? (row.newest ?? row.position) : row.position;
      listed.push({ roomId, membership, newest });
    }
    rooms.fill(listed, from);
    this.#users.set(userId, rooms);
    return rooms;
  }

  /** Who was banned or whose invite was withdrawn without ever having been in the room knows nothing of it. */
  async #wasJoined(userId: UserId, roomId: RoomId): Promise<boolean> {
    return (await this.#needs.visibility.access(roomId, userId)).joinedUntil > -Infinity;
  }
}
