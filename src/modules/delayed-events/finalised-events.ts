import { every, type Timer, type Timers } from '../../platform/timers.ts';
import type { EventId } from '../../protocol/identifiers.ts';
import { MatrixError, notFound } from '../../protocol/matrix-error.ts';
import type { Database, Writer } from '../../storage/database.ts';
import type { DelayedEventRow } from '../../storage/rooms/delayed-events-store.ts';
import * as store from '../../storage/rooms/finalised-events-store.ts';
import type { FinalisedEventRow } from '../../storage/rooms/finalised-events-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';

/** For how long what became of an event is kept, in milliseconds. */
const KEPT_MS = 7 * 24 * 3_600_000;
/** How often older ones are looked for. */
const FORGET_EVERY_MS = 3_600_000;
const FORGOTTEN_AT_ONCE = 500;

/** What can be done to an event that waits. */
export type Action = 'cancel' | 'restart' | 'send';

/** What became of an event: it was sent if it has an event ID, failed if it has an error, and was cancelled otherwise. */
export interface Outcome {
  readonly eventId?: EventId;
  readonly error?: MatrixError;
  /** Whether somebody asked for it, instead of its time having come. */
  readonly wasAsked: boolean;
}

/** Delayed events from before this time, in milliseconds, are forgotten: not shown any more, though they may be there still. */
export function keptSince(now: number): number {
  return now - KEPT_MS;
}

/** What became of delayed events (MSC4140, "finalised"): the newest 1,000 of each user are kept, and for at most 7 days. */
export class FinalisedEvents {
  readonly #database: Database;
  readonly #clock: { now(): number };
  readonly #timers: Timers;
  #timer: Timer | undefined;
  #forgetting: Promise<void> | undefined;
  #stopped = false;

  constructor(needs: { database: Database; clock: { now(): number }; timers: Timers }) {
    this.#database = needs.database;
    this.#clock = needs.clock;
    this.#timers = needs.timers;
  }

  /** Begins to forget what is old. */
  start(onError: (error: unknown) => void): void {
    const forget = () => {
      this.#forgetting ??= this.#forget()
        .catch(onError)
        .finally(() => (this.#forgetting = undefined));
    };
    this.#timer = every(this.#timers, FORGET_EVERY_MS, forget);
    forget();
  }

  /** Ends what is under way, and begins nothing else. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#forgetting;
  }

  /** Keeps what became of an event, in the unit of work that takes it out. */
  keep(unit: Writer, row: DelayedEventRow, { eventId, error, wasAsked }: Outcome): void {
    const { id, user_id, room_id, type, state_key, content, delay, running_since } = row;
    store.add(unit, {
      ...{ id, user_id, room_id, type, state_key, content, delay, running_since },
      finalised_at: this.#clock.now(),
      was_asked: wasAsked ? 1 : 0,
      event_id: eventId ?? null,
      error: error ? JSON.stringify(error.toBody()) : null,
    });
  }

  /**
   * For actions that are asked for again, or too late.
   *
   * @throws MatrixError 409 when the event is finalised in a way that the action would not have led to, 404 when nothing is
   *   known of it.
   */
  async assertDone(id: string, action: Action): Promise<void> {
    const row = await store.byId(this.#database, id, keptSince(this.#clock.now()));
    if (!row) throw notFound('There is no delayed event with this ID');
    if (action === (row.event_id === null ? 'cancel' : 'send')) return;
    // MSC4140 names no errcode. Clients of MatrixRTC end the call on any other, and begin anew on this one.
    throw new MatrixError(409, 'M_NOT_FOUND', `The delayed event waits no more: it ${became(row)}`);
  }

  async #forget(): Promise<void> {
    const before = keptSince(this.#clock.now());
    while (!this.#stopped) {
      const count = await store.countOfBefore(this.#database, before, FORGOTTEN_AT_ONCE);
      if (count === 0) return;
      const unit = new UnitOfWork();
      store.forgetBefore(unit, before, FORGOTTEN_AT_ONCE);
      await this.#database.commit(unit);
    }
  }
}

function became(row: FinalisedEventRow): string {
  if (row.event_id !== null) return 'was sent';
  return row.error === null ? 'was cancelled' : 'could not be sent';
}
