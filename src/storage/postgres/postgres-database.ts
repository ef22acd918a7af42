import { randomBytes } from 'node:crypto';
import pg from 'pg';
import { ChangeFeed } from '../change-feed.ts';
import type { Change, Database, Reader, SqlValue, Statement } from '../database.ts';
import type { Migration } from '../migrations/migration.ts';
import { sql } from '../sql.ts';
import type { UnitOfWork } from '../unit-of-work.ts';
import { isLost, writeUnits, type UnitError } from './batch-writer.ts';
import { answer, type Committer, type Waiting, type WaitingAlone } from './committers.ts';
import { wasCommitted } from './commit-outcome.ts';
import { rows, types } from './connection.ts';
import { migratePostgres } from './migrate.ts';
import { NoticeListener } from './notice-listener.ts';
import { announced, CHANNEL, changesOf, packNotice, type Notice } from './notices.ts';
import { begin, readerOn, takePositions } from './transaction.ts';

/** Units committed in one transaction at most. */
const BATCH_LIMIT = 128;
/** After a guard missed, so many batches are written stepwise: where one misses, more will. */
const WARY_BATCHES = 16;
/** How long notices of what is committed are waited for at most. */
const PATIENCE_MS = 5_000;

const readPosition = sql('SELECT position FROM stream WHERE id = 1');

/** A batch that was committed, until its notice comes back. */
interface Sent {
  /** Newest position of the batch. */
  readonly newest: number;
  readonly committed: readonly UnitOfWork[];
  readonly delivered: () => void;
}

/** Opens a PostgreSQL database and brings its schema up to date. */
export async function openPostgres(
  location: { readonly url: string; readonly poolSize?: number },
  migrations: readonly Migration[],
): Promise<Database> {
  await migratePostgres(location.url, migrations);
  const database = new PostgresDatabase(location.url, location.poolSize ?? 8);
  await database.start();
  return database;
}

/**
 * PostgreSQL, shared by any number of processes. The row lock on `stream` orders their commits; notices sent inside the
 * committing transactions tell each of them of every commit, its own too, in that order.
 */
class PostgresDatabase implements Database {
  readonly engine = 'postgres';
  readonly #url: string;
  readonly #process = randomBytes(8).toString('hex');
  readonly #pool: pg.Pool;
  readonly #listener: NoticeListener;
  readonly #feed = new ChangeFeed(0);
  #writer: pg.Client | undefined;
  #waiting: Waiting[] = [];
  readonly #waitingAlone: WaitingAlone[] = [];
  #busy: Promise<void> | undefined;
  /** Ends when the last notice that came was delivered. */
  #delivering: Promise<void> = Promise.resolve();
  #batches = 0;
  /** Batches still to be written stepwise. */
  #wary = 0;
  readonly #sent = new Map<number, Sent>();
  /** Where the connection that listens began: of what is not after it, no notice tells anything new. */
  #listensFrom = 0;
  #closed: Error | undefined;
  #closing: Promise<void> | undefined;

  constructor(url: string, poolSize: number) {
    this.#url = url;
    this.#pool = new pg.Pool({ connectionString: url, max: poolSize, types });
    this.#pool.on('error', () => undefined);
    this.#listener = new NoticeListener(
      url,
      (notice) => this.#take(notice),
      (connection) => this.#beginListening(connection),
    );
  }

  async start(): Promise<void> {
    await this.#listener.start();
    await this.#delivering;
  }

  all<Row>(statement: Statement, ...parameters: SqlValue[]): Promise<Row[]> {
    return rows<Row>(this.#pool, statement, parameters);
  }

  async get<Row>(statement: Statement, ...parameters: SqlValue[]): Promise<Row | undefined> {
    return (await rows<Row>(this.#pool, statement, parameters))[0];
  }

  commit(unit: UnitOfWork): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closed);
      this.#waiting.push({ unit, resolve, reject });
      this.#busy ??= this.#run();
    });
  }

  exclusive(build: (reader: Reader) => Promise<UnitOfWork>): Promise<void> {
    return new Promise((resolve, reject) => {
      if (this.#closed) return reject(this.#closed);
      this.#waitingAlone.push({ build, resolve, reject });
      this.#busy ??= this.#run();
    });
  }

  /** PostgreSQL shows nothing before it is on the disk. */
  unsynced(): undefined {
    return undefined;
  }

  position(): number {
    return this.#feed.position;
  }

  async caughtUp(): Promise<void> {
    const row = await this.get<{ position: number }>(readPosition);
    await this.#feed.reached(row?.position ?? 0, PATIENCE_MS);
  }

  subscribe(listener: (changes: readonly Change[]) => void | Promise<void>): void {
    this.#feed.subscribe(listener);
  }

  /** The pages are in the memory of PostgreSQL, which looks after them. */
  releaseMemory(): void {
    return;
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    while (this.#busy) await this.#busy;
    this.#closed ??= new Error('The database is closed');
    await this.#listener.close();
    await this.#writer?.end().catch(() => undefined);
    await this.#pool.end();
  }

  /** Commits until nothing waits; whoever comes after that begins anew, so nothing may happen in between. */
  async #run(): Promise<void> {
    await new Promise<void>((resolve) => setImmediate(resolve));
    while (this.#waiting.length > 0 || this.#waitingAlone.length > 0) {
      const batch = this.#waiting.splice(0, BATCH_LIMIT);
      if (batch.length > 0) await this.#write(batch, (writer) => this.#commitBatch(writer, batch));
      // They keep everybody else out, so that connections of their own would only wait for each other.
      const alone = this.#waitingAlone.shift();
      if (alone) await this.#write([alone], (writer) => this.#commitAlone(writer, alone));
    }
    this.#busy = undefined;
  }

  /** Commits something on the connection for writing. What fails has failed for all who wait for it. */
  async #write(
    committers: readonly Committer[],
    commit: (writer: pg.Client) => Promise<void>,
  ): Promise<void> {
    try {
      this.#writer ??= await this.#connect();
      await commit(this.#writer);
    } catch (error) {
      this.#drop(this.#writer);
      for (const one of committers) one.reject(error);
    }
  }

  /** Commits a batch; its units are answered when their notice came back, which does not hold up the next batch. */
  async #commitBatch(writer: pg.Client, batch: readonly Waiting[]): Promise<void> {
    const units = batch.map((one) => one.unit);
    const { errors, done } = await this.#finish(writer, units);
    void done.then(() => answer(batch, errors));
  }

  async #commitAlone(writer: pg.Client, alone: WaitingAlone): Promise<void> {
    await begin(writer, 0);
    let unit: UnitOfWork;
    try {
      unit = await alone.build(readerOn(writer));
    } catch (error) {
      await writer.query('ROLLBACK');
      return alone.reject(error);
    }
    const { errors, done } = await this.#finish(writer, [unit], true);
    void done.then(() => answer([alone], errors));
  }

  /** Writes units in one transaction, which may be open already, sends their notices and commits. */
  async #finish(
    connection: pg.Client,
    units: readonly UnitOfWork[],
    isOpen = false,
  ): Promise<{ errors: UnitError[]; done: Promise<void> }> {
    const count = units.reduce((sum, unit) => sum + unit.positions, 0);
    let begun = await (isOpen ? takePositions : begin)(connection, count);
    let errors = await writeUnits(connection, units, begun.first, this.#wary > 0 ? 'stepwise' : 'together');
    this.#wary -= this.#wary > 0 ? 1 : 0;
    if (!errors) {
      this.#wary = WARY_BATCHES;
      await connection.query('ROLLBACK');
      begun = await begin(connection, count);
      errors = (await writeUnits(connection, units, begun.first, 'carefully')) ?? [];
    }
    const committed = units.filter((_unit, i) => errors[i] === undefined);
    this.#batches += 1;
    const batch = this.#batches;
    const newest = begun.first + count - 1;
    const done = new Promise<void>((resolve) => {
      this.#sent.set(batch, { newest, committed, delivered: resolve });
    });
    const changes = committed.flatMap((unit) => unit.changes.map(announced));
    try {
      const payloads = packNotice({ process: this.#process, batch, newest }, changes);
      await this.#commitTransaction(connection, payloads, begun.transaction);
    } catch (error) {
      this.#sent.delete(batch);
      throw error;
    }
    return { errors, done };
  }

  /** Sends the notices and commits. Where the connection is lost in between, looks whether the commit took place. */
  async #commitTransaction(
    connection: pg.Client,
    payloads: readonly string[],
    transaction: number,
  ): Promise<void> {
    const notices = payloads.map((payload) =>
      connection.query({ name: 'notify', text: 'SELECT pg_notify($1, $2)', values: [CHANNEL, payload] }),
    );
    try {
      await Promise.all([...notices, connection.query('COMMIT')]);
    } catch (error) {
      if (!isLost(error)) throw error;
      this.#drop(connection);
      if (!(await wasCommitted(this.#pool, transaction))) throw error;
    }
  }

  /** Is done with a connection: what is not committed on it never will be. */
  #drop(connection: pg.Client | undefined): void {
    if (this.#writer === connection) this.#writer = undefined;
    void connection?.end().catch(() => undefined);
  }

  /** Delivers a batch: an own one as it was committed, unless nobody knew whether it was, and others from the notice. */
  #take(notice: Notice): void {
    const isOwn = notice.process === this.#process;
    const sent = isOwn ? this.#sent.get(notice.batch) : undefined;
    if (isOwn) this.#sent.delete(notice.batch);
    if (sent) this.#deliver(() => this.#feed.deliver(sent.committed, notice.newest), [sent]);
    else if (notice.newest > this.#listensFrom) {
      const changes = changesOf(notice);
      this.#deliver(() => this.#feed.deliverChanges(changes, notice.newest), []);
    }
  }

  /**
   * Notices up to the present position may have been missed: everybody drops what they cached, and own commits up to there are
   * delivered with that. Those of later ones come.
   */
  async #beginListening(connection: pg.Client): Promise<void> {
    const { rows: found } = await connection.query('SELECT position FROM stream WHERE id = 1');
    const position = Number(found[0]?.position);
    this.#listensFrom = position;
    const missed = [...this.#sent].filter(([, { newest }]) => newest <= position);
    for (const [batch] of missed) this.#sent.delete(batch);
    const reset: Change = { topic: 'reset', position, rooms: [], users: [], data: null, isOwn: false };
    this.#deliver(
      () => this.#feed.deliverChanges([reset], position),
      missed.map(([, sent]) => sent),
    );
  }

  /** Delivers after what was to be delivered before, and answers for the own batches that are delivered with it. */
  #deliver(deliver: () => Promise<void>, batches: readonly Sent[]): void {
    this.#delivering = this.#delivering
      .then(deliver)
      .catch(() => undefined)
      .then(() => {
        for (const batch of batches) batch.delivered();
      });
  }

  async #connect(): Promise<pg.Client> {
    const connection = new pg.Client({ connectionString: this.#url, types, keepAlive: true, pipeline: true });
    connection.on('error', () => undefined);
    connection.on('end', () => this.#drop(connection));
    await connection.connect();
    return connection;
  }
}
