import { every, type Timer, type Timers } from '../platform/timers.ts';
import type { UserId } from '../protocol/identifiers.ts';
import type { Database, Writer } from '../storage/database.ts';
import * as closingAccountsStore from '../storage/accounts/closing-accounts-store.ts';
import { UnitOfWork } from '../storage/unit-of-work.ts';

/** How often it is looked for accounts that another process left unfinished, or that failed, in milliseconds. */
const LOOK_EVERY_MS = 60_000;
const AT_ONCE = 50;

/**
 * Gets closed accounts out of their rooms, and has erased what their owners wished to be. That takes many units of
 * work: a note, made in the one that closes the account, stays until all is done, so that whatever breaks off is gone
 * on with, by any process. Doing it twice harms nothing.
 */
export class AccountClosing {
  readonly #database: Database;
  readonly #timers: Timers;
  readonly #onClosed: ((userId: UserId) => Promise<void>)[] = [];
  readonly #underWay = new Set<UserId>();
  #onError: (error: unknown) => void = () => undefined;
  #timer: Timer | undefined;
  #running: Promise<void> | undefined;
  #stopped = false;

  constructor(database: Database, timers: Timers) {
    this.#database = database;
    this.#timers = timers;
  }

  /** What has to be done about a closed account. It is done again where it fails. */
  onClosed(listener: (userId: UserId) => Promise<void>): void {
    this.#onClosed.push(listener);
  }

  /** Goes on with what is unfinished, now and again and again. */
  start(onError: (error: unknown) => void): void {
    this.#onError = onError;
    const look = () => {
      this.#running ??= this.#look()
        .catch(onError)
        .finally(() => (this.#running = undefined));
    };
    this.#timer = every(this.#timers, LOOK_EVERY_MS, look);
    look();
  }

  /** Ends with the account that is under way, and begins no other. */
  async stop(): Promise<void> {
    this.#stopped = true;
    this.#timer?.cancel();
    await this.#running;
  }

  /** Notes, in the unit of work that closes an account, that it has to be finished. */
  begin(writer: Writer, userId: UserId): void {
    closingAccountsStore.add(writer, userId);
  }

  /** Whether the account is closed and not finished. */
  isUnfinished(userId: UserId): Promise<boolean> {
    return closingAccountsStore.isClosing(this.#database, userId);
  }

  /** Does what is left to be done; false where something failed: a server that runs goes on with it. */
  async finish(userId: UserId): Promise<boolean> {
    this.#underWay.add(userId);
    try {
      for (const listener of this.#onClosed) await listener(userId);
      const unit = new UnitOfWork();
      closingAccountsStore.done(unit, userId);
      await this.#database.commit(unit);
      return true;
    } catch (error) {
      this.#onError(error);
      return false;
    } finally {
      this.#underWay.delete(userId);
    }
  }

  async #look(): Promise<void> {
    for (let after: string | undefined = ''; after !== undefined;) {
      const users: UserId[] = await closingAccountsStore.after(this.#database, after, AT_ONCE);
      for (const userId of users) {
        if (this.#stopped) return;
        if (!this.#underWay.has(userId)) await this.finish(userId);
      }
      after = users.length === AT_ONCE ? users.at(-1) : undefined;
    }
  }
}
