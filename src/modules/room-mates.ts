import type { RoomId, UserId } from '../protocol/identifiers.ts';
import type { RoomReads } from '../rooms/reading/room-reads.ts';
import type { Database } from '../storage/database.ts';
import * as membershipsStore from '../storage/rooms/memberships-store.ts';
import type { RecentChanges } from '../storage/recent-changes.ts';

const PAGE = 500;

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

  /** People of rooms that the user left, whom the user shares no room with any more. */
  async #afterLeaving(span: Span): Promise<Set<UserId>> {
    const left = new Set<UserId>();
    if (!span.recent.userChangedSince(span.userId, span.after, 'event')) return left;
    for (const room of await this.#rooms.roomsOf(span.userId)) {
      const isLeft = room.membership === 'leave' || room.membership === 'ban';
      if (!isLeft || room.position <= span.after || room.position > span.upTo) continue;
      for (let after = ''; ;) {
        const page = { after, limit: PAGE };
        const found = await membershipsStore.membersSharingNoRoom(
          this.#database,
          room.roomId,
          span.userId,
          page,
        );
        for (const userId of found) left.add(userId);
        after = found.at(-1) ?? '';
        if (found.length < PAGE) break;
      }
    }
    return left;
  }
}
