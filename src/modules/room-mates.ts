import type { RoomId, UserId } from '../protocol/identifiers.ts';
import type { RoomMembership, RoomReads } from '../rooms/reading/room-reads.ts';
import type { Database } from '../storage/database.ts';
import * as membershipsStore from '../storage/rooms/memberships-store.ts';
import type { RecentChanges } from '../storage/recent-changes.ts';
import { wasJoined, type EventBudget } from './past-membership.ts';

const PAGE = 500;
/** Events that one look at rooms that were left looks at, to tell who was there of those who came or went meanwhile. */
const MOST_EVENTS = 2_000;

/** A stretch of the log as one user sees it. */
export interface Span {
  readonly userId: UserId;
  readonly after: number;
  readonly upTo: number;
  readonly joinedRooms: ReadonlySet<RoomId>;
  readonly newlyJoined: ReadonlySet<RoomId>;
  readonly recent: RecentChanges;
}

/** Follows with whom a user shares rooms. */
export class RoomMates {
  readonly #database: Database;
  readonly #rooms: RoomReads;

  constructor(database: Database, rooms: RoomReads) {
    this.#database = database;
    this.#rooms = rooms;
  }

  /**
   * Who came into rooms that the user was in already, and with whom the user shares no room any more. Members of rooms
   * that the user came into are not among them.
   */
  async moves(span: Span): Promise<{ came: Set<UserId>; left: Set<UserId> }> {
    const came = new Set<UserId>();
    const gone = new Set<UserId>();
    for (const roomId of span.joinedRooms) {
      if (span.newlyJoined.has(roomId)) continue;
      if (!span.recent.roomChangedSince(roomId, span.after, 'membership')) continue;
      await this.#addMoved(roomId, span, came, gone);
    }
    const left = await this.#afterLeaving(span);
    for (const userId of gone) {
      if (!(await this.#rooms.shareRoom(span.userId, userId))) left.add(userId);
    }
    left.delete(span.userId);
    for (const userId of left) came.delete(userId);
    return { came, left };
  }

  async #addMoved(roomId: RoomId, span: Span, came: Set<UserId>, gone: Set<UserId>): Promise<void> {
    for (const userId of await this.#rooms.movedMembers(roomId, span.after, span.upTo)) {
      if (userId === span.userId) continue;
      const membership = (await this.#rooms.membership(roomId, userId))?.membership;
      if (membership === 'join') came.add(userId);
      else gone.add(userId);
    }
  }

  /**
   * People of rooms that the user left, whom the user shares no room with any more: those who were there with the user. Who
   * never was in a room, but only invited or knocking, is told of nobody in it. Where more came and went meanwhile than can
   * be looked at, some of those who were there are left out.
   */
  async #afterLeaving(span: Span): Promise<Set<UserId>> {
    const left = new Set<UserId>();
    if (!span.recent.userChangedSince(span.userId, span.after, 'event')) return left;
    const budget = { left: MOST_EVENTS };
    for (const room of await this.#rooms.roomsOf(span.userId)) {
      const isLeft = room.membership === 'leave' || room.membership === 'ban';
      if (!isLeft || room.position <= span.after || room.position > span.upTo) continue;
      const stay = { after: span.after, upTo: room.position };
      if (!(await wasJoined(this.#rooms, room.eventId, stay))) continue;
      await this.#addRemaining(room, span.userId, left, budget);
      await this.#addGoneToo(room, span, left, budget);
    }
    return left;
  }

  async #addRemaining(
    room: RoomMembership,
    userId: UserId,
    left: Set<UserId>,
    budget: EventBudget,
  ): Promise<void> {
    const departure = { after: room.position, upTo: room.position };
    for (let after = ''; ;) {
      const page = { after, limit: PAGE };
      const found = await membershipsStore.membersSharingNoRoom(this.#database, room.roomId, userId, page);
      for (const one of found) {
        const isLater = one.position > room.position;
        if (!isLater || (await wasJoined(this.#rooms, one.event_id, departure, budget)))
          left.add(one.user_id);
      }
      after = found.at(-1)?.user_id ?? '';
      if (found.length < PAGE) return;
    }
  }

  /** Those who are out of the room by now, too. */
  async #addGoneToo(room: RoomMembership, span: Span, left: Set<UserId>, budget: EventBudget): Promise<void> {
    const { after, upTo, userId } = span;
    for (const mate of await this.#rooms.movedMembers(room.roomId, after, upTo)) {
      if (budget.left <= 0) return;
      if (mate === userId || left.has(mate)) continue;
      const theirs = await this.#rooms.membership(room.roomId, mate);
      if (!theirs || theirs.membership === 'join') continue;
      const stay = { after, upTo: room.position };
      if (!(await wasJoined(this.#rooms, theirs.eventId, stay, budget))) continue;
      if (!(await this.#rooms.shareRoom(userId, mate))) left.add(mate);
    }
  }
}
