import type { RoomId, UserId } from '../protocol/identifiers.ts';
import type { JsonValue } from '../protocol/json.ts';
import type { Position, UnitOfWork } from './unit-of-work.ts';

/** A value that a statement takes. A `Position` becomes its number when the unit is committed. */
export type SqlValue = string | number | null | Uint8Array;
export type SqlParameter = SqlValue | Position;

/**
 * One SQL statement, written once for both engines: `?` placeholders, and only what SQLite and PostgreSQL share
 * (ON CONFLICT, RETURNING, partial indexes, window functions). Make it with `sql`, at module level.
 */
export interface Statement {
  /** Number unique in the process; engines key their prepared statements on it. */
  readonly id: number;
  readonly text: string;
}

/** Read access. Rows come back as plain objects; integers as numbers, blobs as Uint8Array. */
export interface Reader {
  all<Row>(statement: Statement, ...parameters: SqlValue[]): Promise<Row[]>;
  get<Row>(statement: Statement, ...parameters: SqlValue[]): Promise<Row | undefined>;
}

/** Write access, given only by a unit of work. Nothing happens until the unit is committed. */
export interface Writer {
  /** Takes the unit's next position in the log. Its number is known once the unit is committed. */
  position(): Position;
  /** Adds a statement. */
  run(statement: Statement, ...parameters: SqlParameter[]): void;
  /**
   * Adds a statement that must change at least one row, else the whole unit is undone and `commit` rejects with
   * `GuardFailed`. Guards run before the unit's other statements.
   */
  guard(statement: Statement, ...parameters: SqlParameter[]): void;
  /** Tells every process about a change once the unit is committed. */
  announce(change: NewChange): void;
}

/** What a change is about; consumers subscribe by it. */
export type Topic =
  | 'event'
  | 'state'
  | 'history'
  | 'receipt'
  | 'typing'
  | 'presence'
  | 'account-data'
  | 'to-device'
  | 'device-list'
  | 'one-time-keys'
  | 'profile'
  | 'destination'
  | 'session'
  | 'pusher'
  | 'push'
  | 'thread-subscription'
  | 'sticky'
  | 'media'
  | 'appservice'
  | 'partial-room'
  | 'reset';

/** A committed change, as told to every process in the order of positions. */
export interface Change {
  readonly topic: Topic;
  readonly position: number;
  /** Rooms whose members may see something new. */
  readonly rooms: readonly RoomId[];
  /** Users who may see something new, whatever rooms they are in. */
  readonly users: readonly UserId[];
  /** A few hundred bytes as JSON where it can be helped: every process is told of it. */
  readonly data: JsonValue;
  /** What the committing process knows already, so that it need not read it again. Absent in other processes. */
  readonly local?: unknown;
  /** Whether this process committed it and knows that: what it did not know to be committed comes as that of another. */
  readonly isOwn: boolean;
}

/** A change not yet committed. */
export interface NewChange {
  readonly topic: Topic;
  readonly position: Position;
  readonly rooms?: readonly RoomId[];
  readonly users?: readonly UserId[];
  readonly data?: JsonValue;
  readonly local?: unknown;
}

/** A guard of a unit of work changed no row: another writer was first. Nothing of the unit was kept. */
export class GuardFailed extends Error {
  constructor() {
    super('A guard of the unit of work changed no row');
    this.name = 'GuardFailed';
  }
}

/**
 * The database: reads at any time, writes in units of work that are grouped into durable transactions.
 *
 * - `commit` resolves after the unit is durable on disk and its changes were delivered to this process's subscribers.
 * - Positions are given inside the committing transaction, so the order of positions is the order of commits.
 * - Changes of all processes are delivered one batch after the other, in the order of positions, exactly once. If the
 *   connection that carries them was lost, one change with topic `reset` is delivered after it is back: whoever caches
 *   anything must drop it.
 */
export interface Database extends Reader {
  readonly engine: 'sqlite' | 'postgres';
  commit(unit: UnitOfWork): Promise<void>;
  /**
   * Builds and commits a unit while no other unit, of any process, can be committed: for the second try of one whose
   * guard failed. Everything `build` reads is current. `build` must not call `commit` or `exclusive`.
   */
  exclusive(build: (reader: Reader) => Promise<UnitOfWork>): Promise<void>;
  /**
   * Pending while something can be read that is not on the disk yet: what was read is not to leave the server before. Undefined
   * while all of it is there. Rejects when the disk does not take it.
   */
  unsynced(): Promise<unknown> | undefined;
  /** The newest position whose changes were delivered in this process. Everything up to it can be read. */
  position(): number;
  /**
   * Resolves once this process was told of everything that was committed before the call, or after a few seconds, where
   * it hears nothing. Undefined where nobody else writes. Costs a query.
   */
  caughtUp(): Promise<void> | undefined;
  /** Subscribers are called in the order of subscription and awaited before the next batch. */
  subscribe(listener: (changes: readonly Change[]) => void | Promise<void>): void;
  /** Gives back memory that holds only what can be read again; for when there is nothing to do. */
  releaseMemory(): void;
  /** Waits for what was handed to `commit`, then closes. Later calls reject. */
  close(): Promise<void>;
}
