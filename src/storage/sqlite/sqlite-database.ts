import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { nextTurn } from '../../platform/next-turn.ts';
import { ChangeFeed } from '../change-feed.ts';
import {
  GuardFailed,
  type Change,
  type Database,
  type Reader,
  type SqlValue,
  type Statement,
} from '../database.ts';
import type { UnitOfWork } from '../unit-of-work.ts';
import {
  NotOnDisk,
  type BatchOutcome,
  type Committer,
  type OpenCommitter,
  type UnitOutcome,
} from './committer.ts';
import { configureConnection, releasePages } from './connection.ts';
import { openDurableCommitter } from './durable-committer.ts';
import { PreparedRead } from './prepared-read.ts';

/** Units committed in one transaction at most. */
const BATCH_LIMIT = 256;
/** How often it is looked whether another process wrote, in milliseconds. */
const LOOK_MS = 500;
/** How long a statement waits, and with it everybody, for another process that holds the database, in milliseconds. */
const WAIT_MS = 1;
/** Telling what was committed takes long from so many milliseconds on. */
const LONG_TELLING_MS = 4;

interface Waiting {
  readonly unit: UnitOfWork;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The embedded engine: it is read and written on one connection. While the disk takes a batch, the next one gathers:
 * one sync of the disk serves all that wait.
 */
export class SqliteDatabase implements Database {
  readonly engine = 'sqlite';
  readonly #connection: DatabaseSync;
  readonly #prepared = new Map<number, PreparedRead>();
  readonly #committer: Committer;
  readonly #feed: ChangeFeed;
  readonly #looking: NodeJS.Timeout;
  readonly #dataVersion: StatementSync;
  #seenVersion: unknown;
  #waiting: Waiting[] = [];
  #busy = false;
  /** When telling of the newest batch began, in milliseconds. */
  #toldFrom = 0;
  /** While somebody writes exclusively, others gather. */
  #held: Promise<void> | undefined;
  /** Another process, such as the command line, wrote up to this position; subscribers have not been told. */
  #outside: number | undefined;
  #closed: Error | undefined;
  #closing: Promise<void> | undefined;
  /** Somebody wants to write exclusively, once the batch under way is over. */
  #idle: (() => void) | undefined;
  /** Somebody waits until nothing is left to commit. */
  #drained: (() => void) | undefined;

  /** @param path of a database whose migrations were run. */
  constructor(path: string, openCommitter: OpenCommitter = openDurableCommitter) {
    this.#connection = new DatabaseSync(path);
    configureConnection(this.#connection);
    prepareForWork(this.#connection);
    this.#feed = new ChangeFeed(this.#readPosition());
    this.#dataVersion = this.#connection.prepare('PRAGMA data_version');
    this.#seenVersion = this.#version();
    this.#connection.exec(`PRAGMA busy_timeout = ${WAIT_MS}`);
    this.#committer = openCommitter(this.#connection, path);
    this.#looking = setInterval(() => this.#lookOutside(), LOOK_MS).unref();
  }

  all<Row>(statement: Statement, ...parameters: SqlValue[]): Promise<Row[]> {
    try {
      return Promise.resolve(this.#prepare(statement).all(parameters) as Row[]);
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  get<Row>(statement: Statement, ...parameters: SqlValue[]): Promise<Row | undefined> {
    try {
      return Promise.resolve(this.#prepare(statement).get(parameters) as Row | undefined);
    } catch (error) {
      return Promise.reject(error as Error);
    }
  }

  commit(unit: UnitOfWork): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closed);
      this.#waiting.push({ unit, resolve, reject });
      if (!this.#busy && !this.#held) {
        this.#busy = true;
        setImmediate(() => void this.#run());
      }
    });
  }

  async exclusive(build: (reader: Reader) => Promise<UnitOfWork>): Promise<void> {
    while (this.#held) await this.#held;
    let release = (): void => undefined;
    this.#held = new Promise((resolve) => {
      release = resolve;
    });
    try {
      if (this.#busy) await new Promise<void>((resolve) => (this.#idle = resolve));
      await this.#commitAlone(build);
    } finally {
      this.#held = undefined;
      release();
      if (this.#hasWork && !this.#busy) {
        this.#busy = true;
        void this.#run();
      }
    }
  }

  get #hasWork(): boolean {
    return this.#waiting.length > 0 || this.#outside !== undefined;
  }

  /** SQLite counts what other connections commit: of this process only this one does, so that it was another process. */
  #lookOutside(): void {
    const version = this.#version();
    if (version === this.#seenVersion) return;
    this.#seenVersion = version;
    this.#outside = this.#readPosition();
    if (this.#busy || this.#held || this.#closed) return;
    this.#busy = true;
    void this.#run();
  }

  #version(): unknown {
    return this.#dataVersion.get()?.data_version;
  }

  #readPosition(): number {
    return Number(this.#connection.prepare('SELECT position FROM stream WHERE id = 1').get()?.position ?? 0);
  }

  /** Whatever is kept of the database in memory is to be read again. */
  async #tellOutside(position: number): Promise<void> {
    if (this.#outside !== undefined && this.#outside <= position) this.#outside = undefined;
    const reset: Change = { topic: 'reset', position, rooms: [], users: [], data: null, isOwn: false };
    await this.#feed.deliverChanges([reset], position);
  }

  unsynced(): Promise<unknown> | undefined {
    return this.#committer.unsynced();
  }

  /** No other process writes, and what this one writes is told before it is answered. */
  caughtUp(): undefined {
    return undefined;
  }

  position(): number {
    return this.#feed.position;
  }

  subscribe(listener: (changes: readonly Change[]) => void | Promise<void>): void {
    this.#feed.subscribe(listener);
  }

  releaseMemory(): void {
    if (this.#connection.isOpen) releasePages(this.#connection);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    while (this.#held || this.#busy) {
      if (this.#held) await this.#held;
      else await new Promise<void>((resolve) => (this.#drained = resolve));
    }
    this.#closed ??= new Error('The database is closed');
    clearInterval(this.#looking);
    await this.#committer.close();
    if (this.#connection.isOpen) this.#connection.close();
  }

  #prepare(statement: Statement): PreparedRead {
    let prepared = this.#prepared.get(statement.id);
    if (!prepared) {
      prepared = new PreparedRead(this.#connection, statement.text);
      this.#prepared.set(statement.id, prepared);
    }
    return prepared;
  }

  async #run(): Promise<void> {
    while (this.#hasWork && !this.#idle) {
      if (this.#outside !== undefined) await this.#tellOutside(this.#outside);
      const batch = this.#waiting.splice(0, BATCH_LIMIT);
      if (batch.length > 0) await this.#commitBatch(batch);
      if (this.#waiting.length > 0) await this.#afterTelling();
    }
    this.#busy = false;
    const { waiting, idle } = { waiting: this.#waiting.length, idle: this.#idle };
    this.#idle = undefined;
    idle?.();
    if (waiting === 0) this.#drained?.();
  }

  /**
   * Whoever was answered is told before something else can be read that is not on the disk. Where that took long, as with many
   * who wait for news, what came meanwhile is taken in, too: they are told of it together with what waits.
   */
  async #afterTelling(): Promise<void> {
    await nextTurn();
    if (performance.now() - this.#toldFrom > LONG_TELLING_MS) await nextTurn();
  }

  async #commitBatch(batch: readonly Waiting[]): Promise<void> {
    if (this.#closed) return batch.forEach((one) => one.reject(this.#closed));
    const units = batch.map((one) => one.unit);
    let outcome: BatchOutcome;
    try {
      outcome = await this.#committer.commit(units);
    } catch (cause) {
      const error = this.#failure(cause);
      return batch.forEach((one) => one.reject(error));
    }
    await this.#tell(units, outcome);
    for (const [i, one] of batch.entries()) {
      const error = errorOf(outcome.units[i]);
      if (error) one.reject(error);
      else one.resolve();
    }
  }

  /** Builds and commits a unit while nobody else writes, of any process. */
  async #commitAlone(build: (reader: Reader) => Promise<UnitOfWork>): Promise<void> {
    if (this.#closed) throw this.#closed;
    let refusal: { error: unknown } | undefined;
    const built = () =>
      build(this).catch((error: unknown) => {
        refusal = { error };
        throw error;
      });
    const { unit, outcome } = await this.#committer.commitAlone(built).catch((error: unknown) => {
      throw refusal ? refusal.error : this.#failure(error);
    });
    await this.#tell([unit], outcome);
    const error = errorOf(outcome.units[0]);
    if (error) throw error;
  }

  /** What those are told whose units were not kept, or are not on the disk: after that nothing is committed any more. */
  #failure(cause: unknown): Error {
    if (cause instanceof NotOnDisk) this.#closed ??= cause;
    return new Error(`The database could not commit: ${String(cause)}`, { cause });
  }

  /** Positions that are missing before the batch's were taken by another process. */
  async #tell(units: readonly UnitOfWork[], { first, units: outcomes }: BatchOutcome): Promise<void> {
    if (first > this.#feed.position + 1) await this.#tellOutside(first - 1);
    this.#toldFrom = performance.now();
    const committed = units.filter((_unit, i) => outcomes[i] === 'committed');
    await this.#feed.deliver(committed, first + units.reduce((sum, unit) => sum + unit.positions, 0) - 1);
  }
}

/** Why a unit was not kept. */
function errorOf(outcome: UnitOutcome | undefined): Error | undefined {
  if (outcome === 'committed') return undefined;
  if (outcome === 'guard-failed') return new GuardFailed();
  return new Error(`A statement failed: ${outcome?.error ?? 'no outcome'}`);
}

/** What a connection needs that reads and writes for a server. */
function prepareForWork(connection: DatabaseSync): void {
  // The log is synced beside the work, by whoever commits.
  connection.exec('PRAGMA synchronous = NORMAL');
  // What a statement changes is kept until it has ended, in case it fails: in memory, for a file is slower than the change.
  connection.exec('PRAGMA temp_store = MEMORY');
  // What is deleted or overwritten, such as a redacted message, is gone from the file, too.
  connection.exec('PRAGMA secure_delete = ON');
}
