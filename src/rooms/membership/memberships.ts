import { LRUCache } from 'lru-cache';
import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Change, Database } from '../../storage/database.ts';
import { ReadCache } from '../../storage/read-cache.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';
import type { Membership, RoomMembership } from '../reading/room-reads.ts';
import { membershipChange } from '../events/room-changes.ts';

/** Rooms of one user. */
interface UserRooms {
  readonly rooms: Map<RoomId, RoomMembership>;
  readonly joined: Set<RoomId>;
}

/** Who is in which room, kept in memory for users seen lately and up to date with the log. */
export class Memberships {
  readonly #database: Database;
  readonly #users: ReadCache<UserId, UserRooms>;

  /** @param limit the most user-room pairs to keep in memory. */
  constructor(database: Database, limit = 200_000) {
    this.#database = database;
    const users = new LRUCache<UserId, UserRooms>({
      maxSize: limit,
      sizeCalculation: (user) => 1 + user.rooms.size,
    });
    this.#users = new ReadCache(database, users, (change) => this.#outdated(change));
  }

  /** What the user is in the room; undefined for one who never was in it. */
  async of(roomId: RoomId, userId: UserId): Promise<RoomMembership | undefined> {
    const known = this.#users.known(userId);
    if (known) return known.rooms.get(roomId);
    const row = await membershipsStore.of(this.#database, userId, roomId);
    return row && membershipOf(row);
  }

  /** All of the user's rooms. Do not keep: the map goes on changing. */
  async ofUser(userId: UserId): Promise<ReadonlyMap<RoomId, RoomMembership>> {
    return (await this.#load(userId)).rooms;
  }

  /** The rooms that the user is joined to. Do not keep: the set goes on changing. */
  async joined(userId: UserId): Promise<ReadonlySet<RoomId>> {
    return (await this.#load(userId)).joined;
  }

  /** As `joined`, with all that other processes committed before the call. Costs a query where there may be others. */
  async joinedByNow(userId: UserId): Promise<ReadonlySet<RoomId>> {
    await this.#database.caughtUp();
    return this.joined(userId);
  }

  /** The user forgot or remembered a room: read anew. */
  forget(userId: UserId): void {
    this.#users.forget(userId);
  }

  #load(userId: UserId): UserRooms | Promise<UserRooms> {
    return this.#users.get(userId, () => this.#read(userId));
  }

  async #read(userId: UserId): Promise<UserRooms> {
    const rows = await membershipsStore.ofUser(this.#database, userId);
    const rooms = new Map(rows.map((row) => [row.room_id as RoomId, membershipOf(row)]));
    const joined = new Set(
      [...rooms.values()].filter((one) => one.membership === 'join').map((one) => one.roomId),
    );
    return { rooms, joined };
  }

  /** A change of membership is noted in what is kept of the user. */
  #outdated(change: Change): readonly UserId[] {
    if (change.topic === 'session') return change.users;
    const changed = membershipChange(change);
    if (!changed) return [];
    const user = this.#users.peek(changed.userId);
    if (!user) return [changed.userId];
    const { roomId, membership, eventId, sender } = changed;
    const { position } = change;
    const isGone = membership === 'leave' || membership === 'ban';
    const forgotten = isGone && user.rooms.get(roomId)?.forgotten === true;
    user.rooms.set(roomId, { roomId, membership, position, eventId, sender, forgotten });
    if (membership === 'join') user.joined.add(roomId);
    else user.joined.delete(roomId);
    return [];
  }
}

function membershipOf(row: membershipsStore.MembershipRow): RoomMembership {
  return {
    roomId: row.room_id as RoomId,
    membership: row.membership as Membership,
    position: row.position,
    eventId: row.event_id as EventId,
    sender: row.sender as UserId,
    forgotten: row.forgotten !== 0,
  };
}
