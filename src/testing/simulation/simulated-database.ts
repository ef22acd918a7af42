import { nextTurn } from '../../platform/next-turn.ts';
import type { Change, Database, Reader, SqlValue, Statement } from '../../storage/database.ts';
import type { UnitOfWork } from '../../storage/unit-of-work.ts';
import { BatchCommit } from '../../storage/sqlite/batch-commit.ts';
import type { Committer, OpenCommitter } from '../../storage/sqlite/committer.ts';
import { SqliteDatabase } from '../../storage/sqlite/sqlite-database.ts';

/** A crash that will happen at a commit: in so many commits from now, before it is on disk or before it is answered. */
export interface CrashPoint {
  readonly commits: number;
  readonly when: 'before' | 'after';
}

/** A promise of its own each time: one for all would remember everybody who waits for it. */
const forever = () => new Promise<never>(() => undefined);

/**
 * The database of a simulated process: SQLite in a file, without a disk that is waited for. When the process crashes, nothing
 * that was asked is answered any more, and what was not committed is lost.
 */
export class SimulatedDatabase implements Database {
  readonly engine = 'sqlite';
  readonly #inner: SqliteDatabase;
  readonly #touch: () => void;
  #crash: CrashPoint | undefined;
  #onCrash: () => void = () => undefined;
  #isDead = false;

  /** @param touch told whenever something is read or written. */
  constructor(path: string, touch: () => void) {
    this.#touch = touch;
    this.#inner = new SqliteDatabase(path, this.#openCommitter);
  }

  /** Has the process crash at a commit. */
  crashAt(point: CrashPoint, onCrash: () => void): void {
    this.#crash = point;
    this.#onCrash = onCrash;
  }

  /** It will not crash by itself after all. */
  forgetCrash(): void {
    this.#crash = undefined;
  }

  /** The process has crashed. */
  die(): void {
    this.#isDead = true;
    void this.#inner.close();
  }

  all<Row>(statement: Statement, ...parameters: SqlValue[]): Promise<Row[]> {
    return this.#alive(() => this.#inner.all<Row>(statement, ...parameters));
  }

  get<Row>(statement: Statement, ...parameters: SqlValue[]): Promise<Row | undefined> {
    return this.#alive(() => this.#inner.get<Row>(statement, ...parameters));
  }

  commit(unit: UnitOfWork): Promise<void> {
    return this.#alive(() => this.#inner.commit(unit));
  }

  exclusive(build: (reader: Reader) => Promise<UnitOfWork>): Promise<void> {
    return this.#alive(() => this.#inner.exclusive(build));
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

  releaseMemory(): void {
    this.#inner.releaseMemory();
  }

  subscribe(listener: (changes: readonly Change[]) => void | Promise<void>): void {
    this.#inner.subscribe((changes) => (this.#isDead ? undefined : listener(changes)));
  }

  close(): Promise<void> {
    return this.#inner.close();
  }

  #alive<Result>(ask: () => Promise<Result>): Promise<Result> {
    if (this.#isDead) return forever();
    this.#touch();
    return ask().then(
      (result) => (this.#isDead ? forever() : result),
      (error: unknown) => {
        if (this.#isDead) return forever();
        throw error;
      },
    );
  }

  readonly #openCommitter: OpenCommitter = (connection) => {
    const batches = new BatchCommit(connection);
    const committer: Committer = {
      // No other process writes.
      commitAlone: async (build) => {
        const unit = await build();
        return { unit, outcome: await committer.commit([unit]) };
      },
      commit: async (units) => {
        this.#touch();
        await nextTurn();
        this.#touch();
        const isLast = this.#countDown();
        if (isLast && this.#crash?.when === 'before') this.#onCrash();
        this.#assertAlive();
        const outcome = batches.commit(units);
        if (isLast && this.#crash?.when === 'after') this.#onCrash();
        this.#assertAlive();
        return outcome;
      },
      unsynced: () => undefined,
      close: () => Promise.resolve(),
    };
    return committer;
  };

  #assertAlive(): void {
    if (this.#isDead) throw new Error('The process has crashed');
  }

  /** Whether the process crashes at this commit. */
  #countDown(): boolean {
    if (this.#crash === undefined || this.#isDead) return false;
    this.#crash = { ...this.#crash, commits: this.#crash.commits - 1 };
    return this.#crash.commits <= 0;
  }
}
