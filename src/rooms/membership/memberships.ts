import { LRUCache } from 'lru-cache';
import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Change, Database } from '../../storage/database.ts';
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
  readonly #users: LRUCache<UserId, UserRooms>;
  #deliveries = 0;

  /** @param limit the most user-room pairs to keep in memory. */
  constructor(database: Database, limit = 200_000) {
    this.#database = database;
    this.#users = new LRUCache({ maxSize: limit, sizeCalculation: (user) => 1 + user.rooms.size });
    database.subscribe((changes) => {
      this.#deliveries += 1;
      for (const change of changes) this.#note(change);
    });
  }

  /** What the user is in the room; undefined for one who never was in it. */
  async of(roomId: RoomId, userId: UserId): Promise<RoomMembership | undefined> {
    const known = this.#users.get(userId);
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

  /** The user forgot or remembered a room: read anew. */
  forget(userId: UserId): void {
    this.#users.delete(userId);
  }

  async #load(userId: UserId): Promise<UserRooms> {
    const known = this.#users.get(userId);
    if (known) return known;
    const deliveries = this.#deliveries;
    const rows = await membershipsStore.ofUser(this.#database, userId);
    const rooms = new Map(rows.map((row) => [row.room_id as RoomId, membershipOf(row)]));
    const joined = new Set(
      [...rooms.values()].filter((one) => one.membership === 'join').map((one) => one.roomId),
    );
    const user = { rooms, joined };
    if (deliveries === this.#deliveries) this.#users.set(userId, user);
    return user;
  }

  #note(change: Change): void {
    if (change.topic === 'reset') this.#users.clear();
    if (change.topic === 'session') for (const userId of change.users) this.#users.delete(userId);
    const changed = membershipChange(change);
    const user = changed && this.#users.peek(changed.userId);
    if (!user) return;
    const { roomId, membership, eventId, sender } = changed;
    const { position } = change;
    user.rooms.set(roomId, { roomId, membership, position, eventId, sender, forgotten: false });
    if (membership === 'join') user.joined.add(roomId);
    else user.joined.delete(roomId);
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
