import { hash } from 'node:crypto';
import { boundedCache } from '../../platform/bounded-cache.ts';
import { KeyedQueue } from '../../platform/keyed-queue.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import { MAIN } from '../../rooms/relations/event-threads.ts';
import type { LoggedEvent, RoomMembership, RoomReads } from '../../rooms/reading/room-reads.ts';
import type { Database } from '../../storage/database.ts';
import * as unreadCountsStore from '../../storage/rooms/unread-counts-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { ReadPositions, Receipts } from '../receipts/index.ts';
import type { RoomSections, SyncPart, SyncRequest } from '../sync-part.ts';
import { joinedSince } from './joined-since.ts';
import type { PushEvents } from './push-events.ts';
import type { PushRules } from './push-rules.ts';
import { MOST_COUNTED, UnreadTally, type Count, type Judged } from './unread-tally.ts';

/** A tally, and what it was last brought in line with. */
interface Counted {
  readonly tally: UnreadTally;
  read: ReadPositions;
  counts: ReadonlyMap<string, Count>;
  /** The user's membership when `joinedSince` was found. */
  readonly memberSince: number;
  readonly joinedSince: number;
}

/** Whose unread events of which room are wanted. */
interface Want {
  readonly userId: UserId;
  readonly roomId: RoomId;
  readonly upTo: number;
  readonly budget: CountingBudget;
}

/** What one answer may take of events that were never counted, in all rooms together. */
export interface CountingBudget {
  left: number;
  /** Whether the answer is about all of the user's rooms: what is written down for them is then asked once. */
  readonly allRooms: boolean;
  /** Rooms for which a tally was written down. */
  kept?: Promise<ReadonlySet<RoomId>>;
}

const SILENT = { notify: false, highlight: false };
const NOTHING_READ: ReadPositions = { unthreaded: -Infinity, threads: new Map() };
/** Threads and stretches of all tallies that are kept in memory, half a kilobyte each. */
const CACHED = 60_000;
/** Events read at once. */
const PAGE = 250;
/** Events that one answer counts at most, the newest of each room; about a quarter of a second's work. */
const MOST_OF_ANSWER = 20_000;

/**
 * How many events a user has not read, and which of them are for them in particular (Client-Server API, "Receiving
 * notifications"). Counted when somebody asks, each event once; sending costs nothing, however many members a room has.
 */
export class UnreadCounts implements SyncPart {
  readonly #database: Database;
  readonly #rooms: RoomReads;
  readonly #rules: PushRules;
  readonly #receipts: Receipts;
  readonly #events: PushEvents;
  readonly #ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
  readonly #counted = boundedCache<string, Counted>(CACHED);
  readonly #turns = new KeyedQueue();
  readonly #budgets = new WeakMap<SyncRequest, CountingBudget>();

  constructor(needs: {
    database: Database;
    rooms: RoomReads;
    rules: PushRules;
    receipts: Receipts;
    events: PushEvents;
    ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
  }) {
    this.#database = needs.database;
    this.#rooms = needs.rooms;
    this.#rules = needs.rules;
    this.#receipts = needs.receipts;
    this.#events = needs.events;
    this.#ignoredUsers = needs.ignoredUsers;
  }

  async room(
    request: SyncRequest,
    roomId: RoomId,
    timelineChanged: boolean,
  ): Promise<RoomSections | undefined> {
    const { since, userId, recent } = request;
    const isNew = since === undefined || request.newlyJoined.has(roomId);
    if (!isNew && !timelineChanged && !recent.userChangedSince(userId, since, 'receipt')) return undefined;
    const counts = await this.of(userId, roomId, request.upTo, this.#budgetOf(request));
    const byThread = request.filter.room.timeline.unreadThreadNotifications;
    const threads: Record<string, object> = {};
    let [notify, highlight] = [0, 0];
    for (const [thread, count] of counts) {
      if (byThread && thread !== MAIN) threads[thread] = asNotifications(count);
      else {
        notify += count.notify;
        highlight += count.highlight;
      }
    }
    const other: Record<string, string> = {
      unread_notifications: JSON.stringify(asNotifications({ notify, highlight })),
    };
    if (Object.keys(threads).length > 0) other.unread_thread_notifications = JSON.stringify(threads);
    return { other };
  }

  /**
   * Unread events of a room that the user is joined to, by thread (`main` for those of none), up to a position in the log.
   * Of more than 20,000 events the newest are counted, and of as many as the budget has left.
   */
  async of(
    userId: UserId,
    roomId: RoomId,
    upTo: number,
    budget: CountingBudget = UnreadCounts.budget(),
  ): Promise<ReadonlyMap<string, Count>> {
    const key = `${userId}\0${roomId}`;
    return this.#turns.run(key, () => this.#bringUp(key, { userId, roomId, upTo, budget }));
  }

  /**
   * Up to which position the user has read each thread of a room that they are joined to, by receipts or by writing there. The
   * events up to `upTo` are counted first, as by `of`; what that leaves out for being too much is taken for read.
   */
  async readIn(
    userId: UserId,
    roomId: RoomId,
    upTo: number,
    budget: CountingBudget,
  ): Promise<(thread: string) => number> {
    const key = `${userId}\0${roomId}`;
    return this.#turns.run(key, async () => {
      await this.#bringUp(key, { userId, roomId, upTo, budget });
      const counted = this.#counted.get(key);
      return (thread: string) => counted?.tally.readUpTo(counted.read, thread) ?? -Infinity;
    });
  }

  /** What one answer may take. */
  static budget(allRooms = false): CountingBudget {
    return { left: MOST_OF_ANSWER, allRooms };
  }

  #budgetOf(request: SyncRequest): CountingBudget {
    let budget = this.#budgets.get(request);
    if (!budget) this.#budgets.set(request, (budget = UnreadCounts.budget(request.since === undefined)));
    return budget;
  }

  async #bringUp(key: string, want: Want): Promise<ReadonlyMap<string, Count>> {
    const { userId, roomId, upTo } = want;
    const membership = await this.#rooms.membership(roomId, userId);
    if (membership?.membership !== 'join') return new Map();
    const read = await this.#receipts.readPositions(userId, roomId);
    const ignored = await this.#ignoredUsers(userId);
    const names = namesOf(ignored);
    let counted = this.#counted.get(key);
    if (counted?.memberSince !== membership.position || counted.tally.ignored !== names) {
      const known = counted?.tally;
      counted = await this.#load(membership, want, read, { ignored: names, known });
    } else if (counted.read === read && counted.tally.upTo >= upTo) return counted.counts;
    const { tally } = counted;
    const floor = { ...read, unthreaded: Math.max(read.unthreaded, counted.joinedSince) };
    if (floor.unthreaded > tally.upTo) tally.restartAt(Math.min(floor.unthreaded, upTo));
    const wasFilled = tally.upTo < upTo && (await this.#advance(tally, want, ignored));
    for (const range of tally.apply(floor)) {
      tally.recount(range, await this.#judgeRange(range, want, ignored), floor);
    }
    counted.read = read;
    counted.counts = tally.counts();
    this.#counted.set(key, counted, { size: tally.size });
    if (wasFilled) await this.#keep(userId, roomId, tally);
    return counted.counts;
  }

  async #load(
    membership: RoomMembership,
    want: Want,
    read: ReadPositions,
    { ignored, known }: { ignored: string; known: UnreadTally | undefined },
  ): Promise<Counted> {
    const { roomId, upTo } = want;
    const memberSince = membership.position;
    const nothing = { read: NOTHING_READ, counts: new Map<string, Count>(), memberSince };
    if (read.unthreaded >= memberSince) {
      const [unread] = await this.#rooms.newestEvents(roomId, read.unthreaded, upTo, 1);
      const tally = UnreadTally.startingAt(read.unthreaded, ignored);
      if (!unread) return { ...nothing, tally, joinedSince: memberSince };
    }
    const since = await joinedSince(this.#rooms, membership);
    const found = known ?? (await this.#find(want));
    const tally = found?.ignored === ignored ? found : UnreadTally.startingAt(since, ignored);
    return { ...nothing, tally, joinedSince: since };
  }

  /** The tally that was written down. */
  async #find({ userId, roomId, budget }: Want): Promise<UnreadTally | undefined> {
    if (budget.allRooms) {
      budget.kept ??= unreadCountsStore.roomsOf(this.#database, userId);
      if (!(await budget.kept).has(roomId)) return undefined;
    }
    const text = await unreadCountsStore.get(this.#database, userId, roomId);
    return text === undefined ? undefined : UnreadTally.parse(text);
  }

  /** Looks at what came since. Gives whether a stretch was filled, which is when the tally is written down. */
  async #advance(tally: UnreadTally, want: Want, ignored: ReadonlySet<UserId>): Promise<boolean> {
    const { roomId, upTo, budget } = want;
    let wasFilled = false;
    let events = await this.#rooms.newestEvents(roomId, tally.upTo, upTo, PAGE);
    if (events.length === PAGE) {
      const most = Math.max(PAGE, Math.min(MOST_COUNTED, budget.left));
      const start = await this.#rooms.positionBefore(roomId, tally.upTo, upTo, most);
      if (start !== undefined) tally.leaveOutUpTo(start);
      events = await this.#rooms.oldestEvents(roomId, tally.upTo, upTo, PAGE);
    }
    while (events.length > 0) {
      budget.left -= events.length;
      for (const event of await this.#judge(events, want.userId, ignored)) {
        if (tally.add(event)) wasFilled = true;
      }
      await this.#noteRedactions(tally, events);
      if (events.length < PAGE) break;
      events = await this.#rooms.oldestEvents(roomId, tally.upTo, upTo, PAGE);
    }
    tally.skipTo(upTo);
    return wasFilled;
  }

  async #judgeRange(
    range: { after: number; upTo: number },
    { userId, roomId }: { userId: UserId; roomId: RoomId },
    ignored: ReadonlySet<UserId>,
  ): Promise<Judged[]> {
    const found: Judged[] = [];
    for (let after = range.after; ;) {
      const events = await this.#rooms.oldestEvents(roomId, after, range.upTo, PAGE);
      found.push(...(await this.#judge(events, userId, ignored)));
      const last = events.at(-1);
      if (!last || events.length < PAGE) return found;
      after = last.position;
    }
  }

  async #judge(
    events: readonly LoggedEvent[],
    userId: UserId,
    ignored: ReadonlySet<UserId>,
  ): Promise<Judged[]> {
    const rules = await this.#rules.overTime(userId);
    const ready = await this.#events.all(events);
    const judged: Judged[] = [];
    for (const [i, one] of ready.entries()) {
      const { sender, stateKey, redactedBy } = events[i] as LoggedEvent;
      const isOut = redactedBy !== undefined || ignored.has(sender);
      const isSilent = isOut || sender === userId;
      const outcome = isSilent ? SILENT : this.#events.judge(one, userId, rules);
      const { notify, highlight } = outcome instanceof Promise ? await outcome : outcome;
      const isOwn = !isOut && sender === userId && stateKey === undefined;
      judged.push({ position: one.position, thread: one.thread, notify, highlight, isOwn });
    }
    return judged;
  }

  /** What is redacted counts no longer, wherever it was counted. */
  async #noteRedactions(tally: UnreadTally, events: readonly LoggedEvent[]): Promise<void> {
    for (const { namedTargets, roomId } of events) {
      for (const eventId of namedTargets) {
        const target = await this.#rooms.event(eventId);
        if (target?.roomId === roomId && target.redactedBy !== undefined) tally.invalidate(target.position);
      }
    }
  }

  async #keep(userId: UserId, roomId: RoomId, tally: UnreadTally): Promise<void> {
    const unit = new UnitOfWork();
    unreadCountsStore.put(unit, userId, roomId, tally.toText());
    await this.#database.commit(unit);
  }
}

function asNotifications(count: Count): { notification_count: number; highlight_count: number } {
  return { notification_count: count.notify, highlight_count: count.highlight };
}

const names = new WeakMap<ReadonlySet<UserId>, string>();

/** Names a set of users, so that two can be compared. */
function namesOf(users: ReadonlySet<UserId>): string {
  if (users.size === 0) return '';
  let found = names.get(users);
  if (found === undefined) {
    found = hash('sha256', [...users].sort().join('\n'), 'base64url').slice(0, 16);
    names.set(users, found);
  }
  return found;
}
