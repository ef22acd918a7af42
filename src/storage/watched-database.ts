import {
  GuardFailed,
  type Change,
  type Database,
  type Reader,
  type SqlValue,
  type Statement,
} from './database.ts';
import { sql } from './sql.ts';
import { UnitOfWork } from './unit-of-work.ts';

/** Longest time that a trial may take, in milliseconds. */
const PATIENCE_MS = 2_000;

const readPosition = sql('SELECT position FROM stream WHERE id = 1');

/** What of a database does not work. */
export type DatabaseFailure = 'reading' | 'writing';

/** A database that can be asked whether it works. It remembers of what is written only whether it was kept. */
export class WatchedDatabase implements Database {
  readonly #inner: Database;
  readonly #onFailure: (failure: DatabaseFailure, error: unknown) => void;
  #hasFailed = false;
  #trial: Promise<DatabaseFailure | undefined> | undefined;

  /** @param onFailure is told why a trial did not succeed. */
  constructor(inner: Database, onFailure: (failure: DatabaseFailure, error: unknown) => void) {
    this.#inner = inner;
    this.#onFailure = onFailure;
  }

  get engine(): Database['engine'] {
    return this.#inner.engine;
  }

  /**
   * Reads a row. Where the last unit of work could not be committed, commits an empty one, too: what failed may have been that
   * unit's own fault, or is over. Whoever asks meanwhile is answered with the same trial.
   *
   * @returns what did not succeed within two seconds; undefined when all is well.
   */
  failure(): Promise<DatabaseFailure | undefined> {
    this.#trial ??= this.#try().finally(() => {
      this.#trial = undefined;
    });
    return this.#trial;
  }

  async #try(): Promise<DatabaseFailure | undefined> {
    const isRead = await this.#succeeds('reading', () => this.get(readPosition));
    if (!isRead) return 'reading';
    if (!this.#hasFailed) return undefined;
    return (await this.#succeeds('writing', () => this.commit(new UnitOfWork()))) ? undefined : 'writing';
  }

  async #succeeds(what: DatabaseFailure, act: () => Promise<unknown>): Promise<boolean> {
    let timer: NodeJS.Timeout | undefined;
    const late = new Promise<never>((_resolve, reject) => {
      timer = setTimeout(() => reject(new Error(`No answer within ${PATIENCE_MS} ms`)), PATIENCE_MS);
    });
    try {
      await Promise.race([act(), late]);
      return true;
    } catch (error) {
      this.#onFailure(what, error);
      return false;
    } finally {
      clearTimeout(timer);
    }
  }

  commit(unit: UnitOfWork): Promise<void> {
    return this.#watch(this.#inner.commit(unit));
  }

  exclusive(build: (reader: Reader) => Promise<UnitOfWork>): Promise<void> {
    return this.#watch(this.#inner.exclusive(build));
  }

  /** Hands on the very promise: a write is not to wait for who watches it. */
  #watch(written: Promise<void>): Promise<void> {
    written.then(
      () => {
        this.#hasFailed = false;
      },
      (error: unknown) => {
        this.#hasFailed ||= !(error instanceof GuardFailed);
      },
    );
    return written;
  }

  all<Row>(statement: Statement, ...parameters: SqlValue[]): Promise<Row[]> {
    return this.#inner.all<Row>(statement, ...parameters);
  }

  get<Row>(statement: Statement, ...parameters: SqlValue[]): Promise<Row | undefined> {
    return this.#inner.get<Row>(statement, ...parameters);
  }

  unsynced(): Promise<unknown> | undefined {
    return this.#inner.unsynced();
  }

  caughtUp(): Promise<void> | undefined {
    return this.#inner.caughtUp();
  }

  position(): number {
    return this.#inner.position();
  }

  subscribe(listener: (changes: readonly Change[]) => void | Promise<void>): void {
    this.#inner.subscribe(listener);
  }

  releaseMemory(): void {
    this.#inner.releaseMemory();
  }

  close(): Promise<void> {
    return this.#inner.close();
  }
}
