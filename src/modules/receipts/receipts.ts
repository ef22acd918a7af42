import { boundedCache } from '../../platform/bounded-cache.ts';
import { parseEventId, type EventId, type RoomId, type UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { badJson, invalidParam, notFound } from '../../protocol/matrix-error.ts';
import { isRelatedTo, threadOf } from '../../rooms/relations/event-threads.ts';
import type { LoggedEvent, RoomReads } from '../../rooms/reading/room-reads.ts';
import { GuardFailed, type Database } from '../../storage/database.ts';
import { ReadCache } from '../../storage/read-cache.ts';
import * as receiptsStore from '../../storage/rooms/receipts-store.ts';
import type { ReceiptRow } from '../../storage/rooms/receipts-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { AccountData } from '../account-data/index.ts';
import type { RoomSections, SyncPart, SyncRequest } from '../sync-part.ts';
import { InitialReceipts } from './initial-receipts.ts';
import { isTooMuch } from './receipt-extra.ts';

/** How far a user has read a room, as positions in the log. */
export interface ReadPositions {
  /** By a receipt that concerns all threads. */
  readonly unthreaded: number;
  /** By thread: `main`, or the ID of the thread's root. */
  readonly threads: ReadonlyMap<string, number>;
}

interface MovedPositions extends ReadPositions {
  /** Position at which the last of these receipts was set. */
  readonly movedAt: number;
}

const TYPES = ['m.read', 'm.read.private', 'm.fully_read'];
/** Receipts of others that one sync shows of a room at most, the newest. */
const MOST_RECEIPTS = receiptsStore.ROWS_OF_ROOM;
const CACHED = 50_000;
const UNTHREADED = '';

/** A receipt to be set; at `ts` in milliseconds, or now. What `extraOf` gives may be attached to it. */
interface NewReceipt {
  readonly type: string;
  readonly eventId: EventId;
  readonly threadId: string | undefined;
  readonly ts?: number | undefined;
  readonly extra?: JsonObject | undefined;
}

/** How far people have read (Client-Server API, "Receipts", "Read and unread markers"). */
export class Receipts implements SyncPart {
  readonly #database: Database;
  readonly #rooms: RoomReads;
  readonly #accountData: AccountData;
  readonly #ofRequest = new WeakMap<SyncRequest, InitialReceipts>();
  readonly #clock: { now(): number };
  readonly #read: ReadCache<string, MovedPositions>;

  constructor(database: Database, rooms: RoomReads, accountData: AccountData, clock: { now(): number }) {
    this.#database = database;
    this.#rooms = rooms;
    this.#accountData = accountData;
    this.#clock = clock;
    this.#read = new ReadCache(database, boundedCache(CACHED), ({ topic, users, data }) => {
      if (topic !== 'receipt') return [];
      const roomId = (data as JsonObject).roomId as string;
      return users.map((userId) => `${userId}\0${roomId}`);
    });
  }

  /**
   * Moves a receipt to an event, now or at `ts` (milliseconds); nothing happens when it is there already or further on.
   *
   * @throws MatrixError 400 for an unknown type, a thread that the event is not in or too much extra information, 403
   *   for one who is not joined, 404 for an unknown event.
   */
  async set(userId: UserId, roomId: RoomId, receipt: NewReceipt): Promise<void> {
    await this.#rooms.assertJoined(roomId, userId);
    await this.note(userId, roomId, receipt);
  }

  /** As `set`, of a user of whom it is known that they are joined. */
  async note(userId: UserId, roomId: RoomId, receipt: NewReceipt): Promise<void> {
    const { type, eventId, threadId, extra } = receipt;
    if (!TYPES.includes(type)) throw invalidParam(`A receipt must be of type ${TYPES.join(', ')}`);
    if (threadId !== undefined && type === 'm.fully_read') {
      throw invalidParam('m.fully_read concerns all threads: leave out "thread_id"');
    }
    if (threadId !== undefined && threadId !== 'main' && parseEventId(threadId) === undefined) {
      throw invalidParam('"thread_id" must be "main" or the ID of the event that begins the thread');
    }
    if (extra && isTooMuch(extra)) {
      throw badJson('Extra information about a receipt must not have more than 1,000 bytes');
    }
    const event = await this.#rooms.event(eventId);
    if (event?.roomId !== roomId) throw notFound('There is no such event in this room');
    if (type === 'm.fully_read') return this.#setFullyRead(userId, roomId, event);
    if (threadId !== undefined) await this.#assertInThread(event, threadId);
    const unit = new UnitOfWork();
    const position = unit.position();
    const row = {
      roomId,
      userId,
      type,
      threadId: threadId ?? UNTHREADED,
      eventId,
      eventPosition: event.position,
      ts: receipt.ts ?? this.#clock.now(),
      extra: extra ? JSON.stringify(extra) : null,
    };
    receiptsStore.advance(unit, row, position);
    const isPublic = type === 'm.read';
    const told = { eventId, threadId: threadId ?? null, ts: row.ts, ...(extra ? { extra } : {}) };
    const data = { roomId, ...(isPublic ? told : {}) };
    const rooms = isPublic ? [roomId] : [];
    unit.announce({ topic: 'receipt', position, rooms, users: [userId], data });
    try {
      await this.#database.commit(unit);
    } catch (error) {
      if (!(error instanceof GuardFailed)) throw error;
    }
  }

  async #assertInThread(event: LoggedEvent, threadId: string): Promise<void> {
    // A client reads a thread from the event that begins it on. What is redacted no longer says where it was.
    if (event.eventId === threadId || event.redactedBy !== undefined) return;
    if ((await threadOf(this.#rooms, event)) === threadId) return;
    if (await isRelatedTo(this.#rooms, event, threadId)) return;
    throw invalidParam(
      'The event is not in the thread that "thread_id" names: leave it out, or name that of the event',
    );
  }

  /** How far the user has read a room, by public and private receipts. */
  async readPositions(userId: UserId, roomId: RoomId): Promise<MovedPositions> {
    return this.#read.get(`${userId}\0${roomId}`, () => this.#readPositions(userId, roomId));
  }

  async #readPositions(userId: UserId, roomId: RoomId): Promise<MovedPositions> {
    let unthreaded = Number.NEGATIVE_INFINITY;
    let movedAt = Number.NEGATIVE_INFINITY;
    const threads = new Map<string, number>();
    for (const row of await receiptsStore.ofUser(this.#database, roomId, userId)) {
      movedAt = Math.max(movedAt, row.position);
      if (row.thread_id === UNTHREADED) unthreaded = Math.max(unthreaded, row.event_position);
      else threads.set(row.thread_id, Math.max(threads.get(row.thread_id) ?? -Infinity, row.event_position));
    }
    return { unthreaded, threads, movedAt };
  }

  /** The content of m.receipt for what a user changed in a room at a position of the log. */
  async contentAt(roomId: RoomId, userId: UserId, position: number): Promise<JsonObject | undefined> {
    const range = { after: position - 1, upTo: position, limit: MOST_RECEIPTS };
    const rows = await receiptsStore.changed(this.#database, roomId, userId, range);
    return receiptContents(rows)[0];
  }

  async room(request: SyncRequest, roomId: RoomId): Promise<RoomSections | undefined> {
    const { recent, since, userId, upTo } = request;
    const isNew = since === undefined || request.newlyJoined.has(roomId);
    const changed =
      isNew ||
      recent.roomChangedSince(roomId, since, 'receipt') ||
      recent.userChangedSince(userId, since, 'receipt');
    if (!changed || !request.filter.room.ephemeral.matches({ type: 'm.receipt', roomId })) return undefined;
    const after = isNew ? Number.MIN_SAFE_INTEGER : since;
    const range = { after, upTo, limit: MOST_RECEIPTS };
    const shown =
      since === undefined
        ? await this.#initial(request).of(roomId)
        : await receiptsStore.changed(this.#database, roomId, userId, range);
    if (shown.length === 0) return undefined;
    const contents = receiptContents(shown);
    return {
      ephemeral: contents.map((content) => `{"type":"m.receipt","content":${JSON.stringify(content)}}`),
    };
  }

  /**
   * The user's own receipts in a room, and those of others at events of a stretch of its timeline or moved after a
   * position, as the content of one m.receipt event. Of several receipts of one user at one event it has that which
   * concerns most: MSC4186 has place for one event in a room.
   */
  async shownAt(
    userId: UserId,
    roomId: RoomId,
    stretch: { from: number; upTo: number; movedAfter: number },
  ): Promise<JsonObject | undefined> {
    const rows = await receiptsStore.at(this.#database, roomId, userId, { ...stretch, limit: MOST_RECEIPTS });
    return receiptContents(rows)[0];
  }

  /**
   * The same for who gets the room from scratch, and the rooms of the request with it: they are read for many rooms at
   * once.
   */
  async shownInitially(
    request: SyncRequest,
    roomId: RoomId,
    stretch: { from: number; upTo: number },
  ): Promise<JsonObject | undefined> {
    const { userId } = request;
    const all = await this.#initial(request).all(roomId);
    if (!all) return this.shownAt(userId, roomId, { ...stretch, movedAfter: Number.MAX_SAFE_INTEGER });
    const isShown = ({ event_position: at }: ReceiptRow) => at >= stretch.from && at <= stretch.upTo;
    const rows = all.filter((row) => row.user_id === userId || isShown(row));
    return receiptContents(rows)[0];
  }

  #initial(request: SyncRequest): InitialReceipts {
    let found = this.#ofRequest.get(request);
    if (!found) {
      found = new InitialReceipts(this.#database, request);
      this.#ofRequest.set(request, found);
    }
    return found;
  }

  async #setFullyRead(
    userId: UserId,
    roomId: RoomId,
    event: { eventId: EventId; position: number },
  ): Promise<void> {
    await this.#accountData.edit(userId, roomId, 'm.fully_read', async (before) => {
      const id = before?.event_id;
      const marked = typeof id === 'string' ? await this.#rooms.event(id as EventId) : undefined;
      if (marked && marked.position >= event.position) return undefined;
      return { event_id: event.eventId };
    });
  }
}

/**
 * The contents of the m.receipt events that tell of receipts: one, unless a user has several at one event, of different
 * threads, for there is place for one in each. The first has those for all threads, then those for the main timeline.
 */
function receiptContents(rows: readonly ReceiptRow[]): JsonObject[] {
  const contents: Record<string, Record<string, Record<string, JsonObject>>>[] = [];
  for (const row of rows.toSorted((a, b) => breadth(b) - breadth(a))) {
    const { event_id: eventId, type, user_id: userId } = row;
    let content = contents.find((one) => one[eventId]?.[type]?.[userId] === undefined);
    if (!content) contents.push((content = {}));
    ((content[eventId] ??= {})[type] ??= {})[userId] = receipt(row);
  }
  return contents;
}

function receipt({ thread_id: threadId, ts, extra }: ReceiptRow): JsonObject {
  const said = extra === null ? {} : (JSON.parse(extra) as JsonObject);
  return threadId === UNTHREADED ? { ...said, ts } : { ...said, ts, thread_id: threadId };
}

/** How much of a room a receipt concerns, to compare with that of another. */
function breadth({ thread_id: threadId }: ReceiptRow): number {
  if (threadId === UNTHREADED) return 2;
  return threadId === 'main' ? 1 : 0;
}
