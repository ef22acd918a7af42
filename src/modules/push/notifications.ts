import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { PushAction } from '../../protocol/push/push-rules.ts';
import type { EventLog } from '../../rooms/events/event-log.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';
import type { StoredEvent } from '../../rooms/events/stored-event.ts';
import type { Database } from '../../storage/database.ts';
import * as membershipsStore from '../../storage/rooms/memberships-store.ts';
import type { ActiveRoomRow } from '../../storage/rooms/memberships-store.ts';
import { joinedSince } from './joined-since.ts';
import type { PushEvents } from './push-events.ts';
import type { PushRules, RulesOverTime } from './push-rules.ts';
import { UnreadCounts, type CountingBudget } from './unread-counts.ts';

/** An event of which a user was notified. */
export interface Notification {
  readonly event: StoredEvent;
  readonly actions: readonly PushAction[];
  readonly isRead: boolean;
}

/** A page of notifications, newest first. */
export interface NotificationPage {
  readonly notifications: readonly Notification[];
  /** Where the next page begins; undefined when there can be no more. */
  readonly next: number | undefined;
}

export interface NotificationsNeeds {
  readonly database: Database;
  readonly rooms: RoomReads;
  readonly log: EventLog;
  readonly rules: PushRules;
  readonly unreadCounts: UnreadCounts;
  readonly events: PushEvents;
  readonly ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
  /** Whether invites of somebody are not to be shown. */
  readonly isInviteHidden: (invited: UserId, inviter: UserId) => Promise<boolean>;
}

/** Events looked at for one page, when few of them notify; and read of one room at once. */
const MOST_LOOKED_AT = 2_000;
const AT_ONCE = 50;

/** An event, and where in the log the user came to know it. */
interface Placed {
  readonly event: StoredEvent;
  readonly position: number;
}

/** By what the events of one page are judged. */
interface Judging {
  readonly userId: UserId;
  readonly onlyHighlights: boolean;
  readonly rules: RulesOverTime;
  readonly budget: CountingBudget;
  /** By room, up to which position a thread was read. */
  readonly readIn: Map<RoomId, (thread: string) => number>;
}

/** The events of one room, newest first, read when they are needed. */
interface Source {
  readonly room: ActiveRoomRow;
  /** Read already. */
  events: Placed[];
  /** No event has a greater position than this. */
  most: number;
  /** Position at which the user joined; undefined until it is asked. */
  since: number | undefined;
}

/** What a user was notified of (Client-Server API, "Listing Notifications"): worked out from the log when somebody asks. */
export class Notifications {
  readonly #needs: NotificationsNeeds;

  constructor(needs: NotificationsNeeds) {
    this.#needs = needs;
  }

  /** A page of what notified the user before a position, or of the newest. It may be short although there is more. */
  async page(
    userId: UserId,
    want: { before: number | undefined; limit: number; onlyHighlights: boolean },
  ): Promise<NotificationPage> {
    const { database, rules, ignoredUsers } = this.#needs;
    const upTo = (want.before ?? Number.MAX_SAFE_INTEGER) - 1;
    const rooms = await membershipsStore.active(database, userId);
    const sources = rooms.map((room): Source => {
      const most = Math.min(upTo, room.membership === 'join' ? room.newest : room.position);
      return { room, events: [], most, since: undefined };
    });
    const ignored = await ignoredUsers(userId);
    const judging: Judging = {
      ...{ userId, onlyHighlights: want.onlyHighlights, rules: await rules.overTime(userId) },
      ...{ budget: UnreadCounts.budget(), readIn: new Map() },
    };
    const notifications: Notification[] = [];
    let position = upTo;
    for (let looked = 0; looked < MOST_LOOKED_AT && notifications.length < want.limit; looked++) {
      const placed = await this.#newest(userId, sources);
      if (!placed) return { notifications, next: undefined };
      const { event } = placed;
      position = placed.position;
      if (event.sender === userId || event.redactedBy !== undefined || ignored.has(event.sender)) continue;
      const found = await this.#judge(placed, judging);
      if (found) notifications.push(found);
    }
    return { notifications, next: position };
  }

  /** Takes the newest event of all sources. */
  async #newest(userId: UserId, sources: Source[]): Promise<Placed | undefined> {
    for (;;) {
      let first: Source | undefined;
      for (const one of sources) if (one.most > (first?.most ?? 0)) first = one;
      if (!first) return undefined;
      const placed = first.events.shift();
      if (placed) {
        first.most = first.events[0]?.position ?? placed.position - 1;
        return placed;
      }
      first.events = await this.#read(userId, first);
      first.most = first.events[0]?.position ?? 0;
    }
  }

  async #read(userId: UserId, source: Source): Promise<Placed[]> {
    const { log, rooms, isInviteHidden } = this.#needs;
    const { room, most } = source;
    if (room.membership === 'invite') {
      const invite = most === room.position ? await log.byId(room.event_id) : undefined;
      if (!invite || (await isInviteHidden(userId, invite.sender))) return [];
      return [{ event: invite, position: room.position }];
    }
    const { room_id: roomId, position, event_id: eventId } = room;
    source.since ??= await joinedSince(rooms, { position, eventId });
    const range = { after: source.since, upTo: most, limit: AT_ONCE, newestFirst: true };
    return (await log.page(roomId, range)).map((event) => ({ event, position: event.position }));
  }

  async #judge({ event, position }: Placed, judging: Judging): Promise<Notification | undefined> {
    const { events } = this.#needs;
    const { userId, rules, onlyHighlights } = judging;
    const ready = await events.of(event);
    const { notify, highlight, actions } = await events.judge(ready, userId, rules, position);
    if (!notify || (onlyHighlights && !highlight)) return undefined;
    const readUpTo = await this.#readIn(event.roomId, judging);
    return { event, actions, isRead: position <= readUpTo(ready.thread) };
  }

  async #readIn(roomId: RoomId, { userId, budget, readIn }: Judging): Promise<(thread: string) => number> {
    const known = readIn.get(roomId);
    if (known) return known;
    const { database, unreadCounts } = this.#needs;
    const found = await unreadCounts.readIn(userId, roomId, database.position(), budget);
    readIn.set(roomId, found);
    return found;
  }
}
