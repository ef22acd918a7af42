import type { DatabaseSync } from 'node:sqlite';
import { setTimeout } from 'node:timers/promises';
import { systemTimers, type Timer } from '../../platform/timers.ts';
import type { UnitOfWork } from '../unit-of-work.ts';
import { BatchCommit } from './batch-commit.ts';
import { Checkpoints } from './checkpoints.ts';
import { NotOnDisk, type BatchOutcome, type Committer, type OpenCommitter } from './committer.ts';
import { CHECKPOINT_PAGES, WriteAheadLog } from './write-ahead-log.ts';

/** After so many batches it is looked how long the log is. */
const LOOK_BATCHES = 8;
/**
 * When the log is made larger, which holds up a write for some hundredths of a second: not while the start waits for
 * writes.
 */
const ROOM_AFTER_MS = 1_000;
/** How long another process may hold the database, and how often it is tried meanwhile, in milliseconds. */
const PATIENCE_MS = 10_000;
const RETRY_MS = 20;
/** SQLite's result code for a database that somebody else is writing to. */
const BUSY = 5;

/** Opens what commits on the thread that answers and has the disk synced beside it. */
export const openDurableCommitter: OpenCommitter = (connection, path) =>
  new DurableCommitter(connection, path);

/**
 * Writes on the connection on which it is read, where the pages are at hand. The disk is waited for elsewhere: the log
 * is synced by the runtime's threads, and written back into the database by a thread of its own
 * (docs/decisions/0018-the-log-is-synced-beside-the-work.md).
 */
class DurableCommitter implements Committer {
  readonly #connection: DatabaseSync;
  readonly #batches: BatchCommit;
  readonly #log: WriteAheadLog;
  readonly #checkpoints: Checkpoints;
  readonly #makingRoom: Timer;
  /** Ends when the turns of those who write end that are known now. */
  #turns: Promise<unknown> = Promise.resolve();
  #syncing: Promise<void> | undefined;
  #sinceLook = 0;
  /** Ends when the log was written back into the database; undefined while it is not. */
  #writingBack: Promise<void> | undefined;
  /** The log that was written back last, and how long it may get in case that it is not begun anew. */
  #writtenBack: string | undefined;
  #limit = CHECKPOINT_PAGES;

  constructor(connection: DatabaseSync, path: string) {
    this.#connection = connection;
    this.#batches = new BatchCommit(connection);
    this.#log = new WriteAheadLog(path);
    this.#checkpoints = new Checkpoints(path);
    this.#makingRoom = systemTimers.after(ROOM_AFTER_MS, () => void this.#inTurn(() => this.#makeRoom()));
  }

  commit(units: readonly UnitOfWork[]): Promise<BatchOutcome> {
    return this.#inTurn(async () => {
      const outcome = await this.#patiently(() => this.#batches.commit(units));
      await this.#sync();
      this.#lookAtLog();
      return outcome;
    });
  }

  commitAlone(build: () => Promise<UnitOfWork>): Promise<{ unit: UnitOfWork; outcome: BatchOutcome }> {
    return this.#inTurn(async () => {
      await this.#patiently(() => this.#batches.begin());
      const built = await this.#commitBuilt(build);
      await this.#sync();
      this.#lookAtLog();
      return built;
    });
  }

  async #commitBuilt(build: () => Promise<UnitOfWork>): Promise<{ unit: UnitOfWork; outcome: BatchOutcome }> {
    try {
      const unit = await build();
      return { unit, outcome: this.#batches.commitBegun(unit) };
    } catch (error) {
      this.#batches.giveUp();
      throw error;
    }
  }

  unsynced(): Promise<void> | undefined {
    return this.#syncing;
  }

  async #sync(): Promise<void> {
    try {
      this.#syncing = this.#log.sync();
      await this.#syncing;
    } catch (error) {
      throw new NotOnDisk(error);
    } finally {
      this.#syncing = undefined;
    }
  }

  async close(): Promise<void> {
    this.#makingRoom.cancel();
    await this.#turns;
    await this.#writingBack;
    await this.#checkpoints.close();
    this.#log.close();
  }

  /** One writes after the other: batches, and what must not meet one. */
  #inTurn<Result>(task: () => Promise<Result>): Promise<Result> {
    const result = this.#turns.then(task);
    this.#turns = result.catch(() => undefined);
    return result;
  }

  /** Does what another process that is writing keeps from being done, for ten seconds at most. */
  async #patiently<Result>(act: () => Result): Promise<Result> {
    for (const end = performance.now() + PATIENCE_MS; ;) {
      try {
        return act();
      } catch (error) {
        if (!isBusy(error) || performance.now() >= end) throw error;
      }
      // A process that has nothing else to do, such as the command line, is to stay for it.
      await setTimeout(RETRY_MS);
    }
  }

  /** Has the log written back when it is long. A log that somebody was reading meanwhile goes on, and may get longer. */
  #lookAtLog(): void {
    this.#sinceLook += 1;
    if (this.#writingBack || this.#sinceLook < LOOK_BATCHES) return;
    this.#sinceLook = 0;
    if (this.#log.beginning() !== this.#writtenBack) this.#limit = CHECKPOINT_PAGES;
    if (!this.#log.holds(this.#limit)) return;
    this.#writtenBack = this.#log.beginning();
    this.#limit += CHECKPOINT_PAGES;
    this.#writingBack = this.#writeBack().finally(() => {
      this.#writingBack = undefined;
    });
  }

  async #writeBack(): Promise<void> {
    try {
      await this.#checkpoints.writeBack((task) => this.#inTurn(task));
    } catch {
      // SQLite does it by itself when the log is some times as long. Of a disk that is full, those who write are told.
    }
  }

  /** Within a transaction that writes nothing, so that nobody else writes, of any process. */
  async #makeRoom(): Promise<void> {
    try {
      this.#connection.exec('BEGIN IMMEDIATE');
      try {
        await this.#log.makeRoom();
      } finally {
        this.#connection.exec('ROLLBACK');
      }
    } catch {
      // It only saves time. Of a disk that is full or a file that is locked, those who write are told.
    }
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof Error && 'errcode' in error && error.errcode === BUSY;
}
