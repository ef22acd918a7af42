import { boundedCache } from '../../platform/bounded-cache.ts';
import { KeyedQueue } from '../../platform/keyed-queue.ts';
import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import { MatrixError, notFound } from '../../protocol/matrix-error.ts';
import type { Timeline } from '../../rooms/reading/timeline.ts';
import type { Visibility } from '../../rooms/reading/visibility.ts';
import type { Database, Writer } from '../../storage/database.ts';
import { ReadCache } from '../../storage/read-cache.ts';
import * as threadSubscriptionsStore from '../../storage/rooms/thread-subscriptions-store.ts';
import type { ThreadSubscriptionRow } from '../../storage/rooms/thread-subscriptions-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';

/** Changes by room and root of the thread, as clients are told of them. */
type ByThread<Change> = Record<RoomId, Record<EventId, Change>>;

/** A stretch of changes. */
export interface SubscriptionChanges {
  readonly subscribed?: ByThread<{ automatic: boolean; bump_stamp: number }>;
  readonly unsubscribed?: ByThread<{ bump_stamp: number }>;
  /** Where there may be older ones: up to this position. */
  readonly before?: number;
}

const CACHED = 20_000;

/**
 * Which threads people follow (MSC4306): what is said in a thread that a user follows notifies them, what is said in others
 * does not. That begins with the first thread that the user subscribes to: people whose clients know nothing of it are
 * notified as ever.
 */
export class ThreadSubscriptions {
  readonly #database: Database;
  readonly #timeline: Timeline;
  readonly #visibility: Visibility;
  readonly #edits = new KeyedQueue();
  /** Whether users subscribed to any thread, and to which of those asked for. */
  readonly #known: ReadCache<UserId, { usesAny: boolean; threads: Map<string, boolean> }>;

  constructor(needs: { database: Database; timeline: Timeline; visibility: Visibility }) {
    this.#database = needs.database;
    this.#timeline = needs.timeline;
    this.#visibility = needs.visibility;
    this.#known = new ReadCache(needs.database, boundedCache(CACHED), ({ topic, users }) =>
      topic === 'thread-subscription' ? users : [],
    );
  }

  /** The user's subscription to a thread. 404 for none, and for a thread that the user may not see. */
  async get(userId: UserId, roomId: RoomId, rootId: EventId): Promise<{ automatic: boolean }> {
    await this.#assertVisible(userId, roomId, rootId);
    const row = await threadSubscriptionsStore.of(this.#database, userId, roomId, rootId);
    if (row?.subscribed !== 1) throw notFound('You do not subscribe to this thread');
    return { automatic: row.automatic === 1 };
  }

  /**
   * Subscribes to a thread. A subscription that the user asked for stays such.
   *
   * @param cause the event for which the client subscribes by itself; undefined when the user asks for it.
   * @throws MatrixError 404 for a thread or cause that the user may not see; 400 for a cause that is not in the thread; 409
   *   for one that was there when the user unsubscribed.
   */
  async subscribe(
    userId: UserId,
    roomId: RoomId,
    rootId: EventId,
    cause: EventId | undefined,
  ): Promise<void> {
    await this.#assertVisible(userId, roomId, rootId);
    const causedAt = cause === undefined ? undefined : await this.#causeAt(userId, roomId, rootId, cause);
    await this.#edit(userId, roomId, rootId, (row) => {
      const automatic = causedAt === undefined ? 0 : 1;
      if (row?.subscribed === 1 && (row.automatic === 0 || automatic === 1)) return undefined;
      if (row?.subscribed === 0 && causedAt !== undefined && causedAt <= (row.unsubscribed_after ?? 0)) {
        throw new MatrixError(
          409,
          'IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION',
          'The user unsubscribed from this thread after that event',
        );
      }
      return { subscribed: 1, automatic };
    });
  }

  /** Ends a subscription; nothing happens when there is none. 404 for a thread that the user may not see. */
  async unsubscribe(userId: UserId, roomId: RoomId, rootId: EventId): Promise<void> {
    await this.#assertVisible(userId, roomId, rootId);
    await this.#edit(userId, roomId, rootId, (row) => {
      if (row?.subscribed !== 1) return undefined;
      return { subscribed: 0, automatic: 0 };
    });
  }

  /** The newest changes after a position and not after another, at most `limit` (MSC4308). */
  async changes(
    userId: UserId,
    range: { after: number; upTo: number; limit: number },
  ): Promise<SubscriptionChanges> {
    const rows = await threadSubscriptionsStore.changes(this.#database, userId, range);
    const subscribed: ByThread<{ automatic: boolean; bump_stamp: number }> = {};
    const unsubscribed: ByThread<{ bump_stamp: number }> = {};
    for (const { room_id: roomId, root_id: rootId, position: bumpStamp, ...row } of rows) {
      const change = { bump_stamp: bumpStamp };
      if (row.subscribed === 1) {
        (subscribed[roomId] ??= {})[rootId] = { automatic: row.automatic === 1, ...change };
      } else (unsubscribed[roomId] ??= {})[rootId] = change;
    }
    const oldest = rows.at(-1);
    return {
      ...(Object.keys(subscribed).length > 0 ? { subscribed } : {}),
      ...(Object.keys(unsubscribed).length > 0 ? { unsubscribed } : {}),
      ...(oldest && rows.length === range.limit ? { before: oldest.position - 1 } : {}),
    };
  }

  /** Whether the user subscribes to a thread; undefined for one who never subscribed to any. */
  async isSubscribed(userId: UserId, roomId: RoomId, rootId: EventId): Promise<boolean | undefined> {
    const known = await this.#known.get(userId, async () => ({
      usesAny: await threadSubscriptionsStore.hasAny(this.#database, userId),
      threads: new Map<string, boolean>(),
    }));
    if (!known.usesAny) return undefined;
    const key = `${roomId}\0${rootId}`;
    const found = known.threads.get(key);
    if (found !== undefined) return found;
    const row = await threadSubscriptionsStore.of(this.#database, userId, roomId, rootId);
    const isSubscribed = row?.subscribed === 1;
    if (known.threads.size >= CACHED / 100) known.threads.clear();
    // Where a subscription changed meanwhile, this is no longer what is kept of the user.
    known.threads.set(key, isSubscribed);
    return isSubscribed;
  }

  /** The account is closed. */
  forget(unit: Writer, userId: UserId): void {
    threadSubscriptionsStore.removeAll(unit, userId);
  }

  async #assertVisible(userId: UserId, roomId: RoomId, eventId: EventId): Promise<void> {
    await this.#timeline.event(await this.#visibility.access(roomId, userId), eventId);
  }

  async #causeAt(userId: UserId, roomId: RoomId, rootId: EventId, cause: EventId): Promise<number> {
    const event = await this.#timeline.event(await this.#visibility.access(roomId, userId), cause);
    const { relation } = event;
    if (relation?.relType === 'm.thread' && relation.parentId === rootId) return event.position;
    throw new MatrixError(
      400,
      'IO.ELEMENT.MSC4306.M_NOT_IN_THREAD',
      '"automatic" must be the ID of an event of the thread',
    );
  }

  /** @param change what becomes of the subscription; undefined when nothing does. */
  async #edit(
    userId: UserId,
    roomId: RoomId,
    rootId: EventId,
    change: (
      row: ThreadSubscriptionRow | undefined,
    ) => Pick<ThreadSubscriptionRow, 'subscribed' | 'automatic'> | undefined,
  ): Promise<void> {
    await this.#edits.run(`${userId}\0${roomId}\0${rootId}`, async () => {
      const next = change(await threadSubscriptionsStore.of(this.#database, userId, roomId, rootId));
      if (!next) return;
      const unit = new UnitOfWork();
      const position = unit.position();
      const row = { room_id: roomId, root_id: rootId, ...next };
      threadSubscriptionsStore.put(unit, userId, row, position);
      unit.announce({ topic: 'thread-subscription', position, users: [userId] });
      await this.#database.commit(unit);
    });
  }
}
