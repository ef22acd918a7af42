import type { Timer, Timers } from '../../platform/timers.ts';
import type { ServerName } from '../../protocol/identifiers.ts';
import { GuardFailed, type Database } from '../../storage/database.ts';
import * as outgoingStore from '../../storage/outgoing-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';

/** A process that does not renew its leases for this long, in milliseconds, is taken for dead. */
const LEASE_MS = 30_000;
const RENEW_MS = 8_000;

/**
 * Which servers this process sends to. Of several processes on one database, one at a time sends to a server; when it
 * dies, another takes over once the lease has run out.
 */
export class DestinationLeases {
  /** Names the process. */
  readonly owner: string;
  readonly #database: Database;
  readonly #clock: { now(): number };
  readonly #timers: Timers;
  readonly #held = new Set<ServerName>();
  #goodUntil = 0;
  #renewal: Timer | undefined;

  constructor(needs: { database: Database; clock: { now(): number }; timers: Timers; processId: string }) {
    this.#database = needs.database;
    this.#clock = needs.clock;
    this.#timers = needs.timers;
    // The embedded engine knows one process only: after a restart it goes on at once.
    this.owner = needs.database.engine === 'sqlite' ? 'embedded' : needs.processId;
  }

  /** Whether this process is the one that sends to the server. */
  holds(server: ServerName): boolean {
    return (
      this.#held.has(server) && (this.#database.engine === 'sqlite' || this.#clock.now() < this.#goodUntil)
    );
  }

  /** Makes it that one: true if it was not and is now, false while another process is. */
  async claim(server: ServerName): Promise<boolean> {
    const now = this.#clock.now();
    if (now >= this.#goodUntil) this.#held.clear();
    const unit = new UnitOfWork();
    outgoingStore.claim(unit, server, { owner: this.owner, now, until: now + LEASE_MS });
    try {
      await this.#database.commit(unit);
    } catch (error) {
      if (error instanceof GuardFailed) return false;
      throw error;
    }
    if (this.#held.size === 0) this.#goodUntil = now + LEASE_MS;
    this.#held.add(server);
    this.#renewal ??= this.#timers.after(RENEW_MS, () => void this.#renew());
    return true;
  }

  /** Gives all of them up. */
  async close(): Promise<void> {
    this.#renewal?.cancel();
    if (this.#held.size === 0) return;
    this.#held.clear();
    const unit = new UnitOfWork();
    outgoingStore.release(unit, this.owner);
    await this.#database.commit(unit);
  }

  async #renew(): Promise<void> {
    const now = this.#clock.now();
    if (now < this.#goodUntil) {
      const unit = new UnitOfWork();
      outgoingStore.renew(unit, this.owner, { now, until: now + LEASE_MS });
      await this.#database.commit(unit).then(
        () => (this.#goodUntil = now + LEASE_MS),
        () => undefined,
      );
    }
    this.#renewal = this.#timers.after(RENEW_MS, () => void this.#renew());
  }
}
