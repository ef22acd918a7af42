import { nextTurn } from '../../platform/next-turn.ts';
import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { forbidden } from '../../protocol/matrix-error.ts';
import type { Database } from '../../storage/database.ts';
import * as eventsStore from '../../storage/rooms/events-store.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';
import * as currentStateStore from '../../storage/rooms/current-state-store.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';
import type { EventLog } from '../events/event-log.ts';
import type { Memberships } from '../membership/memberships.ts';
import { StoredEvent } from '../events/stored-event.ts';
import type { LoggedEvent, RoomMembership, RoomReads } from './room-reads.ts';

const MEMBER_PAGE = 500;

/** Whom a membership event is about, and what it says. */
export interface MemberContent {
  readonly userId: UserId;
  readonly content: JsonObject;
}

/** `RoomReads` from the database and the caches in front of it. */
export class CommittedRooms implements RoomReads {
  readonly #database: Database;
  readonly #log: EventLog;
  readonly #memberships: Memberships;

  constructor(database: Database, log: EventLog, memberships: Memberships) {
    this.#database = database;
    this.#log = log;
    this.#memberships = memberships;
  }

  membership(roomId: RoomId, userId: UserId): Promise<RoomMembership | undefined> {
    return this.#memberships.of(roomId, userId);
  }

  joinedRooms(userId: UserId): Promise<ReadonlySet<RoomId>> {
    return this.#memberships.joined(userId);
  }

  joinedRoomsByNow(userId: UserId): Promise<ReadonlySet<RoomId>> {
    return this.#memberships.joinedByNow(userId);
  }

  async roomsOf(userId: UserId): Promise<readonly RoomMembership[]> {
    return [...(await this.#memberships.ofUser(userId)).values()];
  }

  joinedMembers(roomId: RoomId, after: UserId | undefined, limit: number): Promise<readonly UserId[]> {
    return membershipsStore.members(this.#database, roomId, 'join', after ?? '', limit);
  }

  /** What the present membership events of a room say, page by page, between which others have their turn. */
  async *memberContents(roomId: RoomId): AsyncGenerator<readonly MemberContent[]> {
    for (let after = ''; ;) {
      const rows = await currentStateStore.contentsOfType(
        this.#database,
        roomId,
        'm.room.member',
        after,
        MEMBER_PAGE,
      );
      yield rows.map(({ state_key: userId, content }) => ({
        userId: userId as UserId,
        content: JSON.parse(content) as JsonObject,
      }));
      const last = rows.at(-1);
      if (!last || rows.length < MEMBER_PAGE) return;
      after = last.state_key;
      await nextTurn();
    }
  }

  movedMembers(roomId: RoomId, after: number, upTo: number): Promise<readonly UserId[]> {
    return membershipsStore.moved(this.#database, roomId, { after, upTo });
  }

  async joinedCount(roomId: RoomId): Promise<number> {
    return (await roomsStore.memberCounts(this.#database, roomId)).joined;
  }

  shareRoom(one: UserId, other: UserId): Promise<boolean> {
    return membershipsStore.shareRoom(this.#database, one, other);
  }

  event(eventId: EventId): Promise<LoggedEvent | undefined> {
    return this.#log.byId(eventId);
  }

  state(roomId: RoomId, type: string, stateKey: string): Promise<LoggedEvent | undefined> {
    return this.#log.state(roomId, type, stateKey);
  }

  async newestEvents(
    roomId: RoomId,
    after: number,
    upTo: number,
    limit: number,
  ): Promise<readonly LoggedEvent[]> {
    return (await this.#log.newest(roomId, after, upTo, limit)).events;
  }

  async oldestEvents(
    roomId: RoomId,
    after: number,
    upTo: number,
    limit: number,
  ): Promise<readonly LoggedEvent[]> {
    const range = { after, upTo, limit, newestFirst: false };
    return (await eventsStore.page(this.#database, roomId, range)).map((row) => new StoredEvent(row));
  }

  async oldestAnywhere(after: number, upTo: number, limit: number): Promise<readonly LoggedEvent[]> {
    const rows = await eventsStore.anywhere(this.#database, { after, upTo }, limit);
    return rows.map((row) => new StoredEvent(row));
  }

  positionBefore(roomId: RoomId, after: number, upTo: number, count: number): Promise<number | undefined> {
    return eventsStore.positionBefore(this.#database, roomId, { after, upTo }, count);
  }

  async assertJoined(roomId: RoomId, userId: UserId): Promise<void> {
    const membership = await this.membership(roomId, userId);
    if (membership?.membership !== 'join') throw forbidden('You are not joined to this room');
  }
}
