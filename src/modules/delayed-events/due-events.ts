import type { Timer, Timers } from '../../platform/timers.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { GuardFailed, type Database } from '../../storage/database.ts';
import * as store from '../../storage/rooms/delayed-events-store.ts';
import type { DelayedEventRow } from '../../storage/rooms/delayed-events-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';

/** Processes that end leave their events to the others, which look this often. */
const LOOK_EVERY_MS = 10_000;
const EVENTS_AT_ONCE = 50;
/** How soon an event is tried again, which is as long as it has been tried already, and when that ends; in milliseconds. */
const AGAIN_AT_LEAST_MS = 1_000;
const AGAIN_AT_MOST_MS = 60_000;
const TRIED_FOR_MS = 3_600_000;

interface DueEventsNeeds {
  readonly database: Database;
  readonly clock: { now(): number };
  readonly timers: Timers;
  /** Sends an event and takes it out. GuardFailed where it waits no more. */
  readonly send: (row: DelayedEventRow) => Promise<void>;
  /** Takes an event out that is not to be sent, and keeps why. GuardFailed where it waits no more. */
  readonly drop: (row: DelayedEventRow, error: MatrixError) => Promise<void>;
}

/**
 * Sends delayed events when they are due: those of a room in turn, and at most 64 rooms beside each other, as a room's policy
 * server may let it wait. What fails for the moment is tried again for an hour.
 */
export class DueEvents {
  readonly #needs: DueEventsNeeds;
  /** Rooms in which events are being sent. */
  readonly #busy = new Map<string, Promise<void>>();
  #onError: (error: unknown) => void = () => undefined;
  #timer: Timer | undefined;
  #wakesAt = Infinity;
  #notBefore = 0;
  #isLooking = false;
  #looking: Promise<void> = Promise.resolve();
  #stopped = true;

  constructor(needs: DueEventsNeeds) {
    this.#needs = needs;
  }

  /** Begins to send what is due. */
  start(onError: (error: unknown) => void): void {
    this.#onError = onError;
    this.#stopped = false;
    this.wakeAt(this.#needs.clock.now());
  }

  /** Ends what is being sent, and begins nothing else. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#looking;
    await Promise.all(this.#busy.values());
  }

  /** Something is due at a time, in milliseconds. */
  wakeAt(time: number): void {
    if (this.#stopped || time >= this.#wakesAt) return;
    this.#wakesAt = time;
    if (!this.#isLooking) this.#setTimer();
  }

  #setTimer(): void {
    if (this.#stopped) return;
    const now = this.#needs.clock.now();
    const wait = Math.min(Math.max(this.#wakesAt, this.#notBefore) - now, LOOK_EVERY_MS);
    this.#timer?.cancel();
    this.#timer = this.#needs.timers.after(Math.max(wait, 0), () => {
      this.#looking = this.#look();
    });
  }

  async #look(): Promise<void> {
    this.#isLooking = true;
    this.#wakesAt = Infinity;
    try {
      const next = await this.#begin();
      this.#wakesAt = Math.min(this.#wakesAt, next);
    } catch (error) {
      this.#pause(error);
    }
    this.#wakesAt = Math.min(this.#wakesAt, this.#needs.clock.now() + LOOK_EVERY_MS);
    this.#isLooking = false;
    this.#setTimer();
  }

  /** Begins with rooms in which something is due and nothing is being sent. Gives when there is more to do. */
  async #begin(): Promise<number> {
    const { database, clock } = this.#needs;
    const isFull = () => this.#busy.size >= store.ROOMS_AT_ONCE;
    // The end of what is sent in a room wakes.
    if (isFull()) return Infinity;
    const rows = await store.dueBy(database, clock.now(), [...this.#busy.keys()], EVENTS_AT_ONCE);
    for (const [roomId, ofRoom] of Map.groupBy(rows, (row) => row.room_id)) {
      if (this.#stopped || isFull()) return Infinity;
      this.#busy.set(roomId, this.#sendIn(roomId, ofRoom));
    }
    return isFull() ? Infinity : ((await store.nextDue(database, [...this.#busy.keys()])) ?? Infinity);
  }

  async #sendIn(roomId: string, rows: readonly DelayedEventRow[]): Promise<void> {
    try {
      await this.#sendInTurn(rows);
    } catch (error) {
      this.#pause(error);
    }
    this.#busy.delete(roomId);
    this.wakeAt(this.#needs.clock.now());
  }

  async #sendInTurn(rows: readonly DelayedEventRow[]): Promise<void> {
    const postponed = new Set<string>();
    for (const row of rows) {
      if (this.#stopped) return;
      if (postponed.has(row.user_id)) continue;
      try {
        await this.#needs.send(row);
      } catch (error) {
        if (error instanceof GuardFailed) continue;
        if (!(error instanceof MatrixError)) this.#onError(error);
        if (this.#isFinal(row, error)) {
          await this.#ifItWaits(() => this.#needs.drop(row, asMatrixError(error)));
        } else {
          postponed.add(row.user_id);
          await this.#ifItWaits(() => this.#postpone(row));
        }
      }
    }
  }

  /** What the room refuses will not be sent later either. */
  #isFinal(row: DelayedEventRow, error: unknown): boolean {
    const isRefused = error instanceof MatrixError && error.status < 500 && error.status !== 429;
    return isRefused || this.#lateness(row) >= TRIED_FOR_MS;
  }

  #postpone(row: DelayedEventRow): Promise<void> {
    const wait = Math.min(Math.max(this.#lateness(row), AGAIN_AT_LEAST_MS), AGAIN_AT_MOST_MS);
    const unit = new UnitOfWork();
    store.postpone(unit, row, this.#needs.clock.now() + wait);
    return this.#needs.database.commit(unit);
  }

  #lateness(row: DelayedEventRow): number {
    return this.#needs.clock.now() - (row.running_since + row.delay);
  }

  async #ifItWaits(run: () => Promise<void>): Promise<void> {
    try {
      await run();
    } catch (error) {
      if (!(error instanceof GuardFailed)) throw error;
    }
  }

  /** The database does not do what it should: nothing is looked for until some time has passed. */
  #pause(error: unknown): void {
    this.#onError(error);
    this.#notBefore = this.#needs.clock.now() + LOOK_EVERY_MS;
  }
}

/** What the sender is told: nothing of what failed inside the server. */
function asMatrixError(error: unknown): MatrixError {
  if (error instanceof MatrixError) return error;
  return new MatrixError(500, 'M_UNKNOWN', 'The event could not be sent for an hour');
}
