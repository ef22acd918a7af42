import { boundedCache } from '../../platform/bounded-cache.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import { isJsonObject } from '../../protocol/json.ts';
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
  read: string;
}

const MAIN = 'main';
const CACHED = 50_000;
const PAGE = 100;
/** Events counted in one go; of more, the newest count. */
const MOST_COUNTED = 5_000;
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
  readonly #counted = boundedCache<string, Counted>(CACHED);

  constructor(database: Database, rooms: RoomReads, rules: PushRules, receipts: Receipts) {
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
    const signature = signatureOf(read);
    if (!counted || counted.read !== signature) {
      const start = await this.#start(userId, roomId, read);
      counted = { upTo: start, threads: {}, read: signature };
    }
    this.#counted.set(key, counted);
    if (counted.upTo < upTo) await this.#advance(counted, { userId, roomId, upTo, read });
    return counted;
  }

  async #advance(
    counted: Counted,
    want: { userId: UserId; roomId: RoomId; upTo: number; read: ReadPositions },
  ): Promise<void> {
    const { userId, roomId, upTo, read } = want;
    const rules = await this.#rules.compiled(userId);
    let added = 0;
    for (let more = true; more && added < MOST_COUNTED;) {
      const events = await this.#rooms.eventsAfter(roomId, counted.upTo, PAGE);
      for (const event of events) {
        if (event.position > upTo) break;
        added += 1;
        counted.upTo = event.position;
        const thread = threadOf(event);
        if (event.sender === userId) delete counted.threads[thread];
        if (event.position <= Math.max(read.unthreaded, read.threads.get(thread) ?? -Infinity)) continue;
        const outcome = evaluatePushRules(rules, { event: await this.#events.of(event), userId });
        if (!outcome.notify) continue;
        const count = (counted.threads[thread] ??= { notify: 0, highlight: 0 });
        count.notify += 1;
        if (outcome.highlight) count.highlight += 1;
      }
      more = events.length === PAGE && (events.at(-1)?.position ?? upTo) < upTo;
    }
    counted.upTo = Math.max(counted.upTo, upTo);
    if (added >= KEEP_EVERY) await this.#keep(userId, roomId, counted);
  }

  /** Where counting begins: after what was read, and after the user joined. */
  async #start(userId: UserId, roomId: RoomId, read: ReadPositions): Promise<number> {
    const joinedAt = (await this.#rooms.membership(roomId, userId))?.position ?? 0;
    return read.unthreaded > -Infinity ? read.unthreaded : joinedAt;
  }

  async #kept(userId: UserId, roomId: RoomId): Promise<Counted | undefined> {
    const text = await unreadCountsStore.get(this.#database, userId, roomId);
    return text === undefined ? undefined : (JSON.parse(text) as Counted);
  }

  async #keep(userId: UserId, roomId: RoomId, counted: Counted): Promise<void> {
    const unit = new UnitOfWork();
    unreadCountsStore.put(unit, userId, roomId, JSON.stringify(counted));
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

function signatureOf(read: ReadPositions): string {
  return JSON.stringify([read.unthreaded, [...read.threads].sort(([a], [b]) => (a < b ? -1 : 1))]);
}
