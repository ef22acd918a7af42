import type { Timer, Timers } from '../platform/timers.ts';
import type { Database, Reader, Writer } from './database.ts';
import { commitIfFirst } from './guarded-commit.ts';
import { UnitOfWork } from './unit-of-work.ts';

/** A process that does not renew its leases for this long, in milliseconds, is taken for dead. */
const LEASE_MS = 15_000;
const RENEW_MS = 4_000;
/** Leases that are read at a time. */
const PAGE = 1_000;

/** Who has something, and until when, in milliseconds. */
export interface Lease {
  readonly owner: string;
  readonly now: number;
  readonly until: number;
}

/** Where the leases of one kind of things are kept. */
export interface LeaseStore<Name extends string> {
  /** Gives a thing to a process; the unit fails while another has it. */
  claim(writer: Writer, name: Name, lease: Lease): void;
  /** Prolongs every lease of a process that has not run out. */
  renew(writer: Writer, lease: Lease): void;
  /** What a process has at a time (milliseconds), after a name, in the order of names. */
  held(reader: Reader, lease: { owner: string; now: number }, after: string, limit: number): Promise<Name[]>;
  /** Gives up every lease of a process. */
  release(writer: Writer, owner: string): void;
}

/**
 * What this process alone does, such as sending to a server. Of several processes on one database one at a time does each
 * thing; when it dies, another takes over once the lease has run out.
 */
export class ProcessLeases<Name extends string> {
  /** Names the process. */
  readonly owner: string;
  readonly #database: Database;
  readonly #clock: { now(): number };
  readonly #timers: Timers;
  readonly #store: LeaseStore<Name>;
  readonly #held = new Set<Name>();
  #goodUntil = 0;
  #isClosed = false;
  #renewal: Timer | undefined;

  constructor(
    store: LeaseStore<Name>,
    needs: { database: Database; clock: { now(): number }; timers: Timers; processId: string },
  ) {
    this.#store = store;
    this.#database = needs.database;
    this.#clock = needs.clock;
    this.#timers = needs.timers;
    // The embedded engine knows one process only: after a restart it goes on at once.
    this.owner = needs.database.engine === 'sqlite' ? 'embedded' : needs.processId;
  }

  /** Whether it is this process that has the thing. */
  holds(name: Name): boolean {
    return (
      this.#held.has(name) && (this.#database.engine === 'sqlite' || this.#clock.now() < this.#goodUntil)
    );
  }

  /** Takes the thing: true if it has it now, false while another process has it. */
  async claim(name: Name): Promise<boolean> {
    const now = this.#clock.now();
    if (now >= this.#goodUntil) this.#held.clear();
    const unit = new UnitOfWork();
    this.#store.claim(unit, name, { owner: this.owner, now, until: now + LEASE_MS });
    if (!(await commitIfFirst(this.#database, unit))) return false;
    // It took so long that another process may have it already.
    if (this.#clock.now() >= now + LEASE_MS && this.#database.engine !== 'sqlite') return false;
    if (this.#held.size === 0) this.#goodUntil = now + LEASE_MS;
    this.#held.add(name);
    this.#renewal ??= this.#timers.after(RENEW_MS, () => void this.#renew());
    return true;
  }

  /** Gives all of them up. */
  async close(): Promise<void> {
    this.#isClosed = true;
    this.#renewal?.cancel();
    if (this.#held.size === 0) return;
    this.#held.clear();
    const unit = new UnitOfWork();
    this.#store.release(unit, this.owner);
    await this.#database.commit(unit);
  }

  async #renew(): Promise<void> {
    const now = this.#clock.now();
    if (now < this.#goodUntil) await this.#prolong(now).catch(() => undefined);
    if (!this.#isClosed) this.#renewal = this.#timers.after(RENEW_MS, () => void this.#renew());
  }

  /** Prolongs the leases, and forgets those that another process took over because that came too late. */
  async #prolong(now: number): Promise<void> {
    const lease = { owner: this.owner, now, until: now + LEASE_MS };
    const before = [...this.#held];
    const unit = new UnitOfWork();
    this.#store.renew(unit, lease);
    await this.#database.commit(unit);
    if (this.#database.engine === 'postgres') {
      const kept = await this.#kept(lease.until);
      for (const name of before) if (!kept.has(name)) this.#held.delete(name);
    }
    this.#goodUntil = lease.until;
  }

  /** What the database says that this process has until a time. */
  async #kept(until: number): Promise<Set<Name>> {
    const kept = new Set<Name>();
    for (let after: string | undefined = ''; after !== undefined;) {
      const names = await this.#store.held(this.#database, { owner: this.owner, now: until }, after, PAGE);
      for (const name of names) kept.add(name);
      after = names.length < PAGE ? undefined : names.at(-1);
    }
    return kept;
  }
}
