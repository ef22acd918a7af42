import type { Timers } from '../../platform/timers.ts';
import type { DeviceId, EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { forbidden, MatrixError } from '../../protocol/matrix-error.ts';
import type { ClientTransactions } from '../../accounts/client-transactions.ts';
import type { MessageSending, Sender } from '../../rooms/appending/message-sending.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';
import { GuardFailed, type Database, type Writer } from '../../storage/database.ts';
import * as store from '../../storage/rooms/delayed-events-store.ts';
import type { DelayedEventRow } from '../../storage/rooms/delayed-events-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { DueEvents } from './due-events.ts';
import { requestKey, type EventToDelay } from './event-to-delay.ts';
import { FinalisedEvents, type Action, type Outcome } from './finalised-events.ts';
import * as usersStore from '../../storage/accounts/users-store.ts';

/** Events of one user that may wait at the same time. */
const MOST_OF_USER = 100;
/** How often something is done to an event that is changed by somebody else at the same moment. */
const MOST_TRIES = 5;

/** How an event is kept until it is sent. */
interface Keeping {
  readonly delay: number;
  readonly request: Uint8Array | null;
  /** Adds to the unit of work that keeps it under its delay ID. */
  readonly also?: (unit: Writer, id: string) => void;
}

/**
 * Sends events after a time, unless the client says otherwise until then (MSC4140). Events that wait are kept in the
 * database; each is sent by whichever process takes it first, once. What became of them is kept for a while.
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
  readonly #finalised: FinalisedEvents;

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
    const { database, clock, timers } = needs;
    this.#finalised = new FinalisedEvents({ database, clock, timers });
    this.#due = new DueEvents({
      ...{ database, clock, timers },
      send: async (row) => {
        const refusal = await this.#refusal(row);
        if (refusal) throw refusal;
        await this.#send(row, false);
      },
      drop: (row, error) => this.#finalise(row, { error, wasAsked: false }),
    });
  }

  /** Begins to send what is due, and to forget what became of others long ago. */
  start(onError: (error: unknown) => void): void {
    this.#finalised.start(onError);
    if (this.#longestMs > 0) this.#due.start(onError);
  }

  /** Ends what is being sent, and begins nothing else. */
  async stop(): Promise<void> {
    await this.#finalised.stop();
    await this.#due.stop();
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

  /** Drops an event. 409 when it was sent already, 404 for an ID that is not known. */
  cancel(id: string): Promise<void> {
    return this.#act(id, 'cancel', (row) => this.#finalise(row, { wasAsked: true }));
  }

  /** Lets the time of an event begin anew. 409 when it waits no more, 404 for an ID that is not known. */
  restart(id: string): Promise<void> {
    return this.#act(id, 'restart', async (row) => {
      const now = this.#clock.now();
      const unit = new UnitOfWork();
      store.restart(unit, id, now, now + row.delay);
      await this.#database.commit(unit);
      this.#due.wakeAt(now + row.delay);
    });
  }

  /**
   * Sends an event now. 409 when it was cancelled already or could not be sent, 404 for an ID that is not known; what
   * sending throws: the event goes on waiting then, but where its account may not send, or another has set the state since.
   */
  sendNow(id: string): Promise<void> {
    return this.#act(id, 'send', async (row) => {
      const refusal = await this.#refusal(row);
      if (!refusal) return this.#send(row, true);
      await this.#finalise(row, { error: refusal, wasAsked: true });
      throw refusal;
    });
  }

  /** Does something to an event that waits. Who asks again for what was done already is told that it is done. */
  async #act(id: string, action: Action, run: (row: DelayedEventRow) => Promise<void>): Promise<void> {
    for (let tries = 1; ; tries++) {
      const row = await store.byId(this.#database, id);
      if (!row) return this.#finalised.assertDone(id, action);
      try {
        return await run(row);
      } catch (error) {
        if (!(error instanceof GuardFailed) || tries === MOST_TRIES) throw error;
      }
    }
  }

  /** Sends an event and takes it out, both or neither. */
  async #send(row: DelayedEventRow, wasAsked: boolean): Promise<void> {
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
    const take = (unit: Writer, eventId: EventId) => this.#take(unit, row, { eventId, wasAsked });
    if (stateKey !== null) await this.#sending.setState(sender, { ...event, stateKey }, take);
    else {
      const target = redacts === null ? {} : { redacts: redacts as EventId };
      await this.#sending.send(sender, { ...event, ...target, txnId: row.id }, take);
    }
  }

  /** Nothing is sent for an account that may not, nor over state that somebody else has set since. */
  async #refusal(row: DelayedEventRow): Promise<MatrixError | undefined> {
    const user = await usersStore.byId(this.#database, row.user_id as UserId);
    if (!user || user.deactivated + user.locked + user.suspended > 0) {
      return forbidden('The account whose event it is was closed, locked or suspended');
    }
    if (row.state_key === null) return undefined;
    const now = await this.#rooms.state(row.room_id as RoomId, row.type, row.state_key);
    if (!now || now.sender === row.user_id || now.eventId === row.replaces) return undefined;
    const message = 'Another user has set the same state since the event was scheduled';
    return refused('M_CANCELLED_BY_STATE_UPDATE', message, { status: 409 });
  }

  /** Ends the wait of an event that is not sent. GuardFailed when it waits no more, or has another time. */
  async #finalise(row: DelayedEventRow, outcome: Outcome): Promise<void> {
    const unit = new UnitOfWork();
    this.#take(unit, row, outcome);
    await this.#database.commit(unit);
  }

  #take(unit: Writer, row: DelayedEventRow, outcome: Outcome): void {
    store.take(unit, row);
    this.#finalised.keep(unit, row, outcome);
  }

  #assertAllowed(delay: number): void {
    if (delay > 0 && delay <= this.#longestMs) return;
    if (delay <= 0) throw new MatrixError(400, 'M_INVALID_PARAM', 'The delay must be at least a millisecond');
    throw refused('M_MAX_DELAY_EXCEEDED', `An event may be delayed by at most ${this.#longestMs} ms`, {
      more: { 'org.matrix.msc4140.max_delay': this.#longestMs },
    });
  }
}

function refused(
  errcode: string,
  message: string,
  { status = 400, more = {} }: { status?: number; more?: JsonObject } = {},
): MatrixError {
  return new MatrixError(status, 'M_UNKNOWN', message, { 'org.matrix.msc4140.errcode': errcode, ...more });
}
