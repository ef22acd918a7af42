import { boundedCache } from '../../platform/bounded-cache.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import { isJsonObject } from '../../protocol/json.ts';
import type { PushEvent } from '../../protocol/push/push-event.ts';
import { evaluatePushRules } from '../../protocol/push/evaluate-push-rules.ts';
import type { LoggedEvent, RoomReads } from '../../rooms/room-reads.ts';
import type { Database } from '../../storage/database.ts';
import * as unreadCountsStore from '../../storage/unread-counts-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { ReadPositions, Receipts } from '../receipts/index.ts';
import type { RoomSections, SyncPart, SyncRequest } from '../sync-part.ts';
import { PushEvents } from './push-events.ts';
import type { PushRules } from './push-rules.ts';

interface Count {
  notify: number;
  highlight: number;
}

/** Unread events of one user in one room. */
interface Counted {
  /** Everything up to this position is counted. */
  upTo: number;
  /** By thread: `main`, or the ID of the event that begins the thread. */
  threads: Record<string, Count>;
  /** Receipts that the counts are right for. */
  read: ReadPositions;
}

/** The same as JSON has it. */
interface Kept extends Omit<Counted, 'read'> {
  readonly read: { readonly unthreaded: number | null; readonly threads: readonly [string, number][] };
}

const MAIN = 'main';
const CACHED = 50_000;
/** Events counted in one go; of more, the newest count. */
const MOST_COUNTED = 1_000;
/** Counts are written down when this many events were added to them. */
const KEEP_EVERY = 200;

/**
 * How many events a user has not read, and which of them are for them in particular (Client-Server API, "Receiving
 * notifications"). Counted when the user syncs, each event once; sending costs nothing, however many members a room has.
 */
export class UnreadCounts implements SyncPart {
  readonly #database: Database;
  readonly #rooms: RoomReads;
  readonly #rules: PushRules;
  readonly #receipts: Receipts;
  readonly #events: PushEvents;
  readonly #ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
  readonly #counted = boundedCache<string, Counted>(CACHED);

  constructor(needs: {
    database: Database;
    rooms: RoomReads;
    rules: PushRules;
    receipts: Receipts;
    ignoredUsers: (userId: UserId) => Promise<ReadonlySet<UserId>>;
  }) {
    const { database, rooms, rules, receipts } = needs;
    this.#ignoredUsers = needs.ignoredUsers;
    this.#database = database;
    this.#rooms = rooms;
    this.#rules = rules;
    this.#receipts = receipts;
    this.#events = new PushEvents(database, rooms);
  }

  async room(
    request: SyncRequest,
    roomId: RoomId,
    timelineChanged: boolean,
  ): Promise<RoomSections | undefined> {
    const { since, userId, recent } = request;
    const isNew = since === undefined || request.newlyJoined.has(roomId);
    if (!isNew && !timelineChanged && !recent.userChangedSince(userId, since, 'receipt')) return undefined;
    const counted = await this.#count(userId, roomId, request.upTo);
    const byThread = request.filter.room.timeline.unreadThreadNotifications;
    const threads: Record<string, object> = {};
    let [notify, highlight] = [0, 0];
    for (const [thread, count] of Object.entries(counted.threads)) {
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

  async #count(userId: UserId, roomId: RoomId, upTo: number): Promise<Counted> {
    const key = `${userId}\0${roomId}`;
    const read = await this.#receipts.readPositions(userId, roomId);
    let counted = this.#counted.get(key) ?? (await this.#kept(userId, roomId));
    if (!counted || !reconcile(counted, read)) {
      counted = { upTo: await this.#start(userId, roomId, read), threads: {}, read };
    }
    this.#counted.set(key, counted);
    if (counted.upTo < upTo) await this.#advance(counted, { userId, roomId, upTo });
    return counted;
  }

  async #advance(counted: Counted, want: { userId: UserId; roomId: RoomId; upTo: number }): Promise<void> {
    const { userId, roomId, upTo } = want;
    const rules = await this.#rules.compiled(userId);
    const ignored = await this.#ignoredUsers(userId);
    const events = await this.#rooms.newestEvents(roomId, counted.upTo, upTo, MOST_COUNTED);
    const ready = new Map<LoggedEvent, PushEvent>();
    for (const event of events) {
      if (event.sender !== userId && !ignored.has(event.sender))
        ready.set(event, await this.#events.of(event));
    }
    for (const event of events) {
      if (event.position <= counted.upTo) continue;
      counted.upTo = event.position;
      const thread = threadOf(event);
      if (event.sender === userId) delete counted.threads[thread];
      const pushEvent = ready.get(event);
      if (!pushEvent || event.position <= readUpTo(counted.read, thread)) continue;
      const outcome = evaluatePushRules(rules, { event: pushEvent, userId });
      if (!outcome.notify) continue;
      const count = (counted.threads[thread] ??= { notify: 0, highlight: 0 });
      count.notify += 1;
      if (outcome.highlight) count.highlight += 1;
    }
    counted.upTo = Math.max(counted.upTo, upTo);
    if (events.length >= KEEP_EVERY) await this.#keep(userId, roomId, counted);
  }

  /** Where counting begins: after what was read, and after the user joined. */
  async #start(userId: UserId, roomId: RoomId, read: ReadPositions): Promise<number> {
    const joinedAt = (await this.#rooms.membership(roomId, userId))?.position ?? 0;
    return read.unthreaded > -Infinity ? read.unthreaded : joinedAt;
  }

  async #kept(userId: UserId, roomId: RoomId): Promise<Counted | undefined> {
    const text = await unreadCountsStore.get(this.#database, userId, roomId);
    if (text === undefined) return undefined;
    const kept = JSON.parse(text) as Kept;
    const { unthreaded, threads } = kept.read;
    return { ...kept, read: { unthreaded: unthreaded ?? -Infinity, threads: new Map(threads) } };
  }

  async #keep(userId: UserId, roomId: RoomId, counted: Counted): Promise<void> {
    const unit = new UnitOfWork();
    const { unthreaded, threads } = counted.read;
    const read = { unthreaded: Number.isFinite(unthreaded) ? unthreaded : null, threads: [...threads] };
    unreadCountsStore.put(unit, userId, roomId, JSON.stringify({ ...counted, read } satisfies Kept));
    await this.#database.commit(unit);
  }
}

function asNotifications(count: Count): { notification_count: number; highlight_count: number } {
  return { notification_count: count.notify, highlight_count: count.highlight };
}

function threadOf(event: LoggedEvent): string {
  const relates = event.content['m.relates_to'];
  if (!isJsonObject(relates) || relates.rel_type !== 'm.thread') return MAIN;
  return typeof relates.event_id === 'string' ? relates.event_id : MAIN;
}

/** Position up to which a thread was read. */
function readUpTo(read: ReadPositions, thread: string): number {
  return Math.max(read.unthreaded, read.threads.get(thread) ?? -Infinity);
}

/**
 * Brings counts in line with receipts that moved forward. False when one now stands among the events that were counted:
 * then they have to be counted again.
 */
function reconcile(counted: Counted, read: ReadPositions): boolean {
  if (counted.read === read) return true;
  for (const thread of Object.keys(counted.threads)) {
    const position = readUpTo(read, thread);
    if (position === readUpTo(counted.read, thread)) continue;
    if (position < counted.upTo) return false;
    delete counted.threads[thread];
  }
  counted.read = read;
  return true;
}
