import { DatabaseSync } from 'node:sqlite';
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
import { packBatch, type BatchOutcome } from './batch.ts';
import { openWriterThread, type BatchWriter, type OpenWriter } from './batch-writer.ts';
import { configureConnection, releasePages } from './connection.ts';
import { PreparedRead } from './prepared-read.ts';

/** Pages that are kept of what was read: few, for SQLite drops them all whenever something was written. */
const READER_CACHE_KIB = 1_024;
/** Units committed in one transaction at most. */
const BATCH_LIMIT = 256;

interface Waiting {
  readonly unit: UnitOfWork;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

/**
 * The embedded engine. Reads run on this thread; a writer on a thread of its own owns the writing connection. While it commits a
 * batch, the next one gathers: one sync of the disk serves all that wait.
 */
export class SqliteDatabase implements Database {
  readonly engine = 'sqlite';
  readonly #connection: DatabaseSync;
  readonly #prepared = new Map<number, PreparedRead>();
  readonly #writer: BatchWriter;
  readonly #feed: ChangeFeed;
  readonly #sent = new Set<number>();
  #waiting: Waiting[] = [];
  #busy = false;
  /** While somebody writes exclusively, others gather. */
  #held: Promise<void> | undefined;
  /** Another process, such as the command line, wrote up to this position; subscribers have not been told. */
  #outside: number | undefined;
  #answer: ((outcome: BatchOutcome | { failed: string }) => void) | undefined;
  #closed: Error | undefined;
  #closing: Promise<void> | undefined;
  /** Somebody wants to write exclusively, once the batch under way is over. */
  #idle: (() => void) | undefined;
  /** Somebody waits until nothing is left to commit. */
  #drained: (() => void) | undefined;

  /** @param path of a database whose migrations were run. */
  constructor(path: string, openWriter: OpenWriter = openWriterThread) {
    this.#connection = new DatabaseSync(path);
    configureConnection(this.#connection);
    this.#connection.exec(`PRAGMA cache_size = -${READER_CACHE_KIB}`);
    const row = this.#connection.prepare('SELECT position FROM stream WHERE id = 1').get();
    this.#feed = new ChangeFeed(Number(row?.position ?? 0));
    this.#writer = openWriter(path, {
      onMessage: (message) => {
        if ('outside' in message) this.#noticeOutside(message.outside);
        else this.#answer?.(message);
      },
      onEnd: (error) => this.#fail(error),
    });
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
      const unit = await build(this);
      await new Promise<void>((resolve, reject) => {
        void this.#commitBatch([{ unit, resolve, reject }]);
      });
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

  #noticeOutside(position: number): void {
    this.#outside = position;
    if (this.#busy || this.#held || this.#closed) return;
    this.#busy = true;
    void this.#run();
  }

  /** Whatever is kept of the database in memory is to be read again. */
  async #tellOutside(position: number): Promise<void> {
    this.#outside = undefined;
    const reset: Change = { topic: 'reset', position, rooms: [], users: [], data: null };
    await this.#feed.deliverChanges([reset], position);
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
    await this.#writer.close();
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
    }
    this.#busy = false;
    const { waiting, idle } = { waiting: this.#waiting.length, idle: this.#idle };
    this.#idle = undefined;
    idle?.();
    if (waiting === 0) this.#drained?.();
  }

  async #commitBatch(batch: readonly Waiting[]): Promise<void> {
    if (this.#closed) return batch.forEach((one) => one.reject(this.#closed));
    const units = batch.map((one) => one.unit);
    const outcome = await new Promise<BatchOutcome | { failed: string }>((resolve) => {
      this.#answer = resolve;
      this.#writer.commit(packBatch(units, this.#sent));
    });
    this.#answer = undefined;
    if ('failed' in outcome) {
      const error = new Error(`The database could not commit: ${outcome.failed}`);
      return batch.forEach((one) => one.reject(error));
    }
    const committed = this.#number(units, outcome);
    await this.#feed.deliver(
      committed,
      outcome.first + units.reduce((sum, unit) => sum + unit.positions, 0) - 1,
    );
    for (const [i, one] of batch.entries()) {
      const result = outcome.units[i];
      if (result === 'committed') one.resolve();
      else if (result === 'guard-failed') one.reject(new GuardFailed());
      else one.reject(new Error(`A statement failed: ${result?.error ?? 'no outcome'}`));
    }
  }

  #number(units: readonly UnitOfWork[], outcome: BatchOutcome): UnitOfWork[] {
    let first = outcome.first;
    const committed: UnitOfWork[] = [];
    for (const [i, unit] of units.entries()) {
      unit.firstPosition = first;
      first += unit.positions;
      if (outcome.units[i] === 'committed') committed.push(unit);
    }
    return committed;
  }

  #fail(error: Error): void {
    this.#closed ??= error;
    this.#answer?.({ failed: String(error) });
  }
}
