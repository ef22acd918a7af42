import { boundedCache } from '../platform/bounded-cache.ts';
import { leftOfWait } from '../platform/clock.ts';
import type { ServerName } from '../protocol/identifiers.ts';
import { isJsonObject } from '../protocol/json.ts';
import type { Change, Database } from '../storage/database.ts';
import { ReadCache } from '../storage/read-cache.ts';
import * as destinationsStore from '../storage/federation/destinations-store.ts';
import { UnitOfWork } from '../storage/unit-of-work.ts';

/** How long servers that do not answer are left in peace, in milliseconds. */
export interface BackOffTimes {
  readonly firstMs: number;
  readonly longestMs: number;
}

interface Failure {
  readonly since: number;
  readonly retryAt: number;
  readonly retryMs: number;
}

const MOST_SERVERS = 20_000;
const ANSWERS = 'answers';
/** A wait is at least this much of its time, and at most so much more, by chance. */
const LEAST_OF_WAIT = 0.8;
const SPREAD = 0.4;

/**
 * Which servers do not answer, and when each may be tried again: after each failure in twice the time, a fifth more or
 * less by chance. Kept in the database; every process knows.
 */
export class BackOff {
  readonly #database: Database;
  readonly #clock: { now(): number };
  readonly #draw: () => number;
  readonly #times: BackOffTimes;
  readonly #known: ReadCache<ServerName, Failure | typeof ANSWERS>;
  readonly #onHeard: ((server: ServerName) => void)[] = [];

  /** @param needs.draw a random number from 0 (inclusive) to 1. */
  constructor(
    needs: { database: Database; clock: { now(): number }; draw: () => number },
    times: BackOffTimes,
  ) {
    this.#database = needs.database;
    this.#clock = needs.clock;
    this.#draw = needs.draw;
    this.#times = times;
    this.#known = new ReadCache(needs.database, boundedCache(MOST_SERVERS), (change) => {
      this.#note(change);
      return [];
    });
  }

  /** Calls a listener when a server that did not answer was heard of again, in whatever process. */
  onHeard(listener: (server: ServerName) => void): void {
    this.#onHeard.push(listener);
  }

  /** Whether it is known, without a look into the database, that the server may be asked now. */
  answers(server: ServerName): boolean {
    return this.#known.known(server) === ANSWERS;
  }

  /** Milliseconds until the server may be asked; 0 when it may be now. */
  async waitMs(server: ServerName): Promise<number> {
    const failure = await this.#failure(server);
    return failure === undefined ? 0 : this.#waitOf(failure);
  }

  #waitOf({ retryAt, retryMs }: Failure): number {
    return leftOfWait(this.#clock, retryAt, Math.ceil(retryMs * (LEAST_OF_WAIT + SPREAD)));
  }

  /** Since when the server does not answer, in milliseconds since the epoch; undefined while it does. */
  async failingSince(server: ServerName): Promise<number | undefined> {
    return (await this.#failure(server))?.since;
  }

  /** The server did not answer. Failures within the time in which it should have been left in peace count once. */
  async failed(server: ServerName): Promise<void> {
    const now = this.#clock.now();
    const before = await this.#failure(server);
    if (before && this.#waitOf(before) > 0) return;
    const { firstMs, longestMs } = this.#times;
    const retryMs = before ? Math.min(Math.max(before.retryMs, firstMs) * 2, longestMs) : firstMs;
    const retryAt = Math.ceil(now + retryMs * (LEAST_OF_WAIT + SPREAD * this.#draw()));
    const failure = { since: before?.since ?? now, retryAt, retryMs: Math.ceil(retryMs) };
    this.#known.set(server, failure);
    const unit = new UnitOfWork();
    destinationsStore.setFailing(unit, server, failure);
    announce(unit, server, failure);
    await this.#database.commit(unit);
  }

  /** The server answered, or asked something itself: it may be asked again. */
  async heardOf(server: ServerName): Promise<void> {
    if (this.answers(server)) return;
    const failure = await this.#failure(server);
    if (failure === undefined) return;
    this.#known.set(server, ANSWERS);
    const unit = new UnitOfWork();
    destinationsStore.setAnswering(unit, server);
    announce(unit, server, undefined);
    await this.#database.commit(unit);
  }

  async #failure(server: ServerName): Promise<Failure | undefined> {
    const known = await this.#known.get(server, () => this.#read(server));
    return known === ANSWERS ? undefined : known;
  }

  async #read(server: ServerName): Promise<Failure | typeof ANSWERS> {
    const row = await destinationsStore.of(this.#database, server);
    if (row === undefined || row.failing_since === null) return ANSWERS;
    return { since: row.failing_since, retryAt: row.retry_at, retryMs: row.retry_ms };
  }

  /** What a change says of a server is what is known of it from then on. */
  #note(change: Change): void {
    if (change.topic !== 'destination' || !isJsonObject(change.data)) return;
    const server = change.data.server as ServerName;
    const { failure } = change.data;
    this.#known.set(server, isJsonObject(failure) ? (failure as unknown as Failure) : ANSWERS);
    if (!isJsonObject(failure)) for (const listener of this.#onHeard) listener(server);
  }
}

function announce(unit: UnitOfWork, server: ServerName, failure: Failure | undefined): void {
  const data = { server, ...(failure === undefined ? {} : { failure: { ...failure } }) };
  unit.announce({ topic: 'destination', position: unit.position(), data });
}
