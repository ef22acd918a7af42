import type { Timers } from '../../platform/timers.ts';
import type { DeviceId, EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { MatrixError, notFound } from '../../protocol/matrix-error.ts';
import type { ClientTransactions } from '../../accounts/client-transactions.ts';
import type { MessageSending, Sender } from '../../rooms/appending/message-sending.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';
import { GuardFailed, type Database, type Writer } from '../../storage/database.ts';
import * as store from '../../storage/rooms/delayed-events-store.ts';
import type { DelayedEventRow } from '../../storage/rooms/delayed-events-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { DueEvents } from './due-events.ts';
import { forClient, requestKey, type EventToDelay } from './event-to-delay.ts';
import * as usersStore from '../../storage/accounts/users-store.ts';

/** Events of one user that may wait at the same time. */
const MOST_OF_USER = 100;
const PAGE = 50;

/** How an event is kept until it is sent. */
interface Keeping {
  readonly delay: number;
  readonly request: Uint8Array | null;
  /** Adds to the unit of work that keeps it under its delay ID. */
  readonly also?: (unit: Writer, id: string) => void;
}

/** A page of the events that wait. */
export interface DelayedPage {
  readonly events: readonly JsonObject[];
  readonly nextBatch: string | undefined;
}

/**
 * Sends events after a time, unless the client says otherwise until then (MSC4140). Events that wait are kept in the
 * database; each is sent by whichever process takes it first, once.
 */
export class DelayedEvents {
  readonly #database: Database;
  readonly #rooms: RoomReads;
  readonly #sending: MessageSending;
  readonly #transactions: ClientTransactions;
  readonly #clock: { now(): number };
  readonly #opaque: (length: number) => string;
  readonly #longestMs: number;
  readonly #due: DueEvents;

  constructor(needs: {
    database: Database;
    rooms: RoomReads;
    sending: MessageSending;
    transactions: ClientTransactions;
    clock: { now(): number };
    timers: Timers;
    opaque: (length: number) => string;
    /** The longest delay, in milliseconds; 0 for no delayed events at all. */
    longestMs: number;
  }) {
    this.#database = needs.database;
    this.#rooms = needs.rooms;
    this.#sending = needs.sending;
    this.#transactions = needs.transactions;
    this.#clock = needs.clock;
    this.#opaque = needs.opaque;
    this.#longestMs = needs.longestMs;
    this.#due = new DueEvents({
      ...{ database: needs.database, clock: needs.clock, timers: needs.timers },
      send: (row) => this.#send(row),
      drop: (row) => this.#drop(row, new GuardFailed()),
    });
  }

  /** Begins to send what is due. */
  start(onError: (error: unknown) => void): void {
    if (this.#longestMs > 0) this.#due.start(onError);
  }

  /** Ends what is being sent, and begins nothing else. */
  stop(): Promise<void> {
    return this.#due.stop();
  }

  /**
   * Keeps an event, to send it `delay` milliseconds from now. The same request gives the same event, also
   * when it waits no more.
   *
   * @returns its delay ID, by which anybody who knows it can say what to do with it.
   * @throws MatrixError 400 for a delay over the limit or too many events, 403 for one who is not in the room.
   */
  async schedule(sender: Sender, event: EventToDelay, delay: number): Promise<string> {
    this.#assertAllowed(delay);
    const { txnId } = event;
    if (txnId === undefined) return this.#keep(sender, event, { delay, request: null });
    const request = requestKey(sender, event, txnId);
    const known = await store.byRequest(this.#database, request);
    if (known) return known.id;
    const scope = ['delayed_event', event.roomId, event.type, txnId];
    const answer = await this.#transactions.once<{ delay_id: string }>(sender, scope, async (remember) => {
      const also = (unit: Writer, id: string) => remember(unit, { delay_id: id });
      return { delay_id: await this.#keep(sender, event, { delay, request, also }) };
    });
    return answer.delay_id;
  }

  async #keep(
    { userId, deviceId }: Sender,
    event: EventToDelay,
    { delay, request, also }: Keeping,
  ): Promise<string> {
    await this.#rooms.assertJoined(event.roomId, userId);
    if ((await store.countOf(this.#database, userId)) >= MOST_OF_USER) {
      throw refused('M_MAX_DELAYED_EVENTS_EXCEEDED', `At most ${MOST_OF_USER} of your events may wait`);
    }
    const { roomId, type, stateKey } = event;
    const before = stateKey === undefined ? undefined : await this.#rooms.state(roomId, type, stateKey);
    const now = this.#clock.now();
    const row: DelayedEventRow = {
      id: `delay_${this.#opaque(24)}`,
      user_id: userId,
      device_id: deviceId ?? null,
      room_id: roomId,
      type,
      state_key: stateKey ?? null,
      content: JSON.stringify(event.content),
      redacts: event.redacts ?? null,
      replaces: before?.eventId ?? null,
      request,
      sticky: event.stickyMs ?? null,
      delay,
      running_since: now,
      due_at: now + delay,
    };
    const unit = new UnitOfWork();
    store.add(unit, row);
    also?.(unit, row.id);
    await this.#database.commit(unit);
    this.#due.wakeAt(row.due_at);
    return row.id;
  }

  /** The user's events that wait, a page of at most 50. */
  async waiting(userId: UserId, from: string | undefined): Promise<DelayedPage> {
    const rows = await store.ofUser(this.#database, userId, from ?? '', PAGE + 1);
    const events = rows.slice(0, PAGE).map(forClient);
    return { events, nextBatch: rows.length > PAGE ? rows[PAGE - 1]?.id : undefined };
  }

  /** One of the user's events, if it waits. */
  async waitingOne(userId: UserId, id: string): Promise<JsonObject | undefined> {
    const row = await store.byId(this.#database, id);
    return row?.user_id === userId ? forClient(row) : undefined;
  }

  /** Drops an event. 404 when none waits under the ID. */
  async cancel(id: string): Promise<void> {
    await this.#drop(await this.#byId(id), waitsNoMore());
  }

  /** Lets the time of an event begin anew. 404 when none waits under the ID. */
  async restart(id: string): Promise<void> {
    const row = await this.#byId(id);
    const now = this.#clock.now();
    const unit = new UnitOfWork();
    store.restart(unit, id, now, now + row.delay);
    await this.#commit(unit, waitsNoMore());
    this.#due.wakeAt(now + row.delay);
  }

  /** Sends an event now. 404 when none waits under the ID; what sending throws. */
  async sendNow(id: string): Promise<void> {
    const row = await this.#byId(id);
    try {
      await this.#send(row);
    } catch (error) {
      throw error instanceof GuardFailed ? waitsNoMore() : error;
    }
  }

  async #byId(id: string): Promise<DelayedEventRow> {
    const row = await store.byId(this.#database, id);
    if (!row) throw waitsNoMore();
    return row;
  }

  /** Sends an event and takes it out, both or neither. */
  async #send(row: DelayedEventRow): Promise<void> {
    if (!(await this.#isWanted(row))) return this.#drop(row, new GuardFailed());
    const sender: Sender = {
      userId: row.user_id as UserId,
      deviceId: (row.device_id ?? undefined) as DeviceId | undefined,
      // Its transaction ID, that of the delay, is no other event's.
      deviceMadeAt: 0,
    };
    const { type, state_key: stateKey, redacts } = row;
    const event = {
      ...{ roomId: row.room_id as RoomId, type, content: JSON.parse(row.content) as JsonObject },
      ...(row.sticky === null ? {} : { stickyMs: row.sticky }),
    };
    const take = (unit: Parameters<typeof store.take>[0]) => store.take(unit, row);
    if (stateKey !== null) await this.#sending.setState(sender, { ...event, stateKey }, take);
    else {
      const target = redacts === null ? {} : { redacts: redacts as EventId };
      await this.#sending.send(sender, { ...event, ...target, txnId: row.id }, take);
    }
  }

  /** Nothing is sent for an account that may not, nor over state that somebody else has set since. */
  async #isWanted(row: DelayedEventRow): Promise<boolean> {
    const user = await usersStore.byId(this.#database, row.user_id as UserId);
    if (!user || user.deactivated + user.locked + user.suspended > 0) return false;
    if (row.state_key === null) return true;
    const now = await this.#rooms.state(row.room_id as RoomId, row.type, row.state_key);
    return !now || now.sender === row.user_id || now.eventId === row.replaces;
  }

  async #drop(row: DelayedEventRow, ifGone: Error): Promise<void> {
    const unit = new UnitOfWork();
    store.take(unit, row);
    await this.#commit(unit, ifGone);
  }

  async #commit(unit: UnitOfWork, ifGone: Error): Promise<void> {
    try {
      await this.#database.commit(unit);
    } catch (error) {
      throw error instanceof GuardFailed ? ifGone : error;
    }
  }

  #assertAllowed(delay: number): void {
    if (delay > 0 && delay <= this.#longestMs) return;
    if (delay <= 0) throw new MatrixError(400, 'M_INVALID_PARAM', 'The delay must be at least a millisecond');
    throw refused('M_MAX_DELAY_EXCEEDED', `An event may be delayed by at most ${this.#longestMs} ms`, {
      'org.matrix.msc4140.max_delay': this.#longestMs,
    });
  }
}

function refused(errcode: string, message: string, more: JsonObject = {}): MatrixError {
  return new MatrixError(400, 'M_UNKNOWN', message, { 'org.matrix.msc4140.errcode': errcode, ...more });
}

function waitsNoMore(): MatrixError {
  return notFound('No delayed event waits under this ID');
}
