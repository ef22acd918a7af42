import { RepeatedRun } from '../../platform/repeated-run.ts';
import { GuardFailed, type Database } from '../../storage/database.ts';
import * as store from '../../storage/identity/identity-notices-store.ts';
import type { NoticeRow } from '../../storage/identity/identity-notices-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { Timer, Timers } from '../../platform/timers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { FederationError } from '../../federation/federation-error.ts';
import type { Homeservers } from './homeservers.ts';

const FIRST_RETRY_MS = 60_000;
const LONGEST_RETRY_MS = 6 * 3_600_000;
/** After this time nobody is told any more. */
const LONGEST_MS = 14 * 86_400_000;
/** Other processes add notices, too. */
const LOOK_EVERY_MS = 60_000;

/** Tells homeservers what is to be told, again until they take it. What is due is in the database. */
export class BindNotices {
  readonly #database: Database;
  readonly #homeservers: Homeservers;
  readonly #clock: { now(): number };
  readonly #timers: Timers;
  readonly #onError: (error: unknown) => void;
  #running: AbortController | undefined;
  #timer: Timer | undefined;
  readonly #looks = new RepeatedRun(() => this.#running && this.#look().catch(this.#onError));

  constructor(needs: {
    database: Database;
    homeservers: Homeservers;
    clock: { now(): number };
    timers: Timers;
    onError: (error: unknown) => void;
  }) {
    this.#database = needs.database;
    this.#homeservers = needs.homeservers;
    this.#clock = needs.clock;
    this.#timers = needs.timers;
    this.#onError = needs.onError;
  }

  /** Begins to tell what is due. */
  start(): void {
    this.#running = new AbortController();
    this.wake();
  }

  /** Ends what is under way and begins nothing else. */
  async stop(): Promise<void> {
    this.#running?.abort();
    this.#running = undefined;
    this.#timer?.cancel();
    await this.#looks.settled();
  }

  /** Something may be due. */
  wake(): void {
    this.#looks.ask();
  }

  async #look(): Promise<void> {
    for (;;) {
      const due = await store.due(this.#database, this.#clock.now());
      const { signal } = this.#running ?? {};
      if (!signal) return;
      if (due.length === 0) break;
      await Promise.all(due.map((notice) => this.#deliver(notice, signal)));
    }
    const now = this.#clock.now();
    const nextAt = Math.min(now + LOOK_EVERY_MS, (await store.nextDue(this.#database)) ?? Infinity);
    this.#timer?.cancel();
    if (this.#running) this.#timer = this.#timers.after(Math.max(1, nextAt - now), () => this.wake());
  }

  /** Before it is told, a notice is put off until it would be tried again: no other process tells the same. */
  async #deliver(notice: NoticeRow, signal: AbortSignal): Promise<void> {
    const now = this.#clock.now();
    const delay = Math.min(FIRST_RETRY_MS * 2 ** notice.tries, LONGEST_RETRY_MS);
    const claim = new UnitOfWork();
    store.claim(claim, notice, now + delay);
    try {
      await this.#database.commit(claim);
      const body = JSON.parse(notice.body) as JsonObject & { invites: JsonObject[] };
      await this.#homeservers.tellBound(notice.server, body, signal);
    } catch (error) {
      if (error instanceof GuardFailed) return;
      if (!(error instanceof FederationError)) this.#onError(error);
      if (notice.created_at + LONGEST_MS > now) return;
    }
    const done = new UnitOfWork();
    store.remove(done, notice.id);
    await this.#database.commit(done);
  }
}
