import pg from 'pg';
import { types } from './connection.ts';
import { CHANNEL, NoticeAssembly, type Notice } from './notices.ts';

const FIRST_RETRY_MS = 50;
const LONGEST_RETRY_MS = 5_000;

/** Listens for notices of all processes on one connection, and makes it again when it was lost. */
export class NoticeListener {
  readonly #url: string;
  readonly #take: (notice: Notice) => void;
  readonly #begin: (connection: pg.Client) => Promise<void>;
  /** The one that listens; undefined while there is none. */
  #connection: pg.Client | undefined;
  #isClosed = false;

  /**
   * @param take is called for each notice, in the order of commits.
   * @param begin is called on each connection that listens, before the first notice of it is taken: notices of what was
   *   committed before may have been missed, and those of what is committed from now on come.
   */
  constructor(url: string, take: (notice: Notice) => void, begin: (connection: pg.Client) => Promise<void>) {
    this.#url = url;
    this.#take = take;
    this.#begin = begin;
  }

  /** Begins to listen. Rejects when there is no connection. */
  async start(): Promise<void> {
    await this.#connect();
  }

  async close(): Promise<void> {
    this.#isClosed = true;
    await this.#connection?.end();
  }

  async #connect(): Promise<void> {
    const connection = new pg.Client({ connectionString: this.#url, types, keepAlive: true });
    const assembly = new NoticeAssembly();
    let early: Notice[] | undefined = [];
    let isLost = false;
    connection.on('error', () => undefined);
    connection.on('end', () => {
      isLost = true;
      if (this.#connection === connection) void this.#reconnect();
    });
    connection.on('notification', ({ payload }) => {
      const notice = assembly.add(payload ?? '');
      if (!notice) return;
      if (early) early.push(notice);
      else this.#take(notice);
    });
    try {
      await connection.connect();
      await connection.query(`LISTEN ${CHANNEL}`);
      await this.#begin(connection);
      if (isLost || this.#isClosed) throw new Error('The connection that listens is closed already');
    } catch (error) {
      void connection.end().catch(() => undefined);
      throw error;
    }
    this.#connection = connection;
    for (const notice of early) this.#take(notice);
    early = undefined;
  }

  /** Tries until there is a connection: while there is none, nothing else begins this. */
  async #reconnect(): Promise<void> {
    this.#connection = undefined;
    for (let waitMs = FIRST_RETRY_MS; !this.#isClosed; waitMs = Math.min(waitMs * 2, LONGEST_RETRY_MS)) {
      try {
        return await this.#connect();
      } catch {
        await new Promise((resolve) => setTimeout(resolve, waitMs));
      }
    }
  }
}
