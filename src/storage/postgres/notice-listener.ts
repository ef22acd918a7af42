import pg from 'pg';
import { types } from './connection.ts';
import { CHANNEL, NoticeAssembly, type Notice } from './notices.ts';

/** Listens for notices of all processes, and goes on when the connection was lost. */
export class NoticeListener {
  readonly #url: string;
  readonly #take: (notice: Notice) => void;
  readonly #lost: (connection: pg.Client) => Promise<void>;
  #connection: pg.Client | undefined;
  #closed = false;
  #retryMs = 50;

  /**
   * @param take is called for each notice, in the order of commits.
   * @param lost is called when notices may have been missed, on a connection that listens again.
   */
  constructor(url: string, take: (notice: Notice) => void, lost: (connection: pg.Client) => Promise<void>) {
    this.#url = url;
    this.#take = take;
    this.#lost = lost;
  }

  /** Begins to listen. Rejects when there is no connection. */
  async start(): Promise<void> {
    await this.#connect();
  }

  async close(): Promise<void> {
    this.#closed = true;
    await this.#connection?.end();
  }

  async #connect(): Promise<pg.Client> {
    const connection = new pg.Client({ connectionString: this.#url, types, keepAlive: true });
    connection.on('error', () => undefined);
    connection.on('end', () => {
      if (this.#connection === connection && !this.#closed) void this.#reconnect();
    });
    const assembly = new NoticeAssembly();
    connection.on('notification', ({ payload }) => {
      const notice = assembly.add(payload ?? '');
      if (notice) this.#take(notice);
    });
    await connection.connect();
    await connection.query(`LISTEN ${CHANNEL}`);
    this.#connection = connection;
    return connection;
  }

  async #reconnect(): Promise<void> {
    while (!this.#closed) {
      try {
        const connection = await this.#connect();
        await this.#lost(connection);
        this.#retryMs = 50;
        return;
      } catch {
        await new Promise((resolve) => setTimeout(resolve, this.#retryMs));
        this.#retryMs = Math.min(this.#retryMs * 2, 5_000);
      }
    }
  }
}
