import pg from 'pg';
import type { Change } from '../database.ts';
import { types } from './connection.ts';

export const CHANNEL = 'myelin';
/** PostgreSQL refuses notices of 8,000 bytes. */
const LARGEST = 7_500;

/** What a transaction tells every process. A batch with many changes takes several notices. */
export interface Notice {
  /** The process that committed. */
  readonly process: string;
  /** Number of the batch in that process. */
  readonly batch: number;
  /** Newest position of the batch. */
  readonly newest: number;
  readonly changes: readonly Omit<Change, 'local'>[];
  /** The last notice of its batch. */
  readonly isLast: boolean;
}

/** The notices of a batch, each small enough to send. */
export function packNotices(notice: Omit<Notice, 'isLast'>): string[] {
  const packed: string[] = [];
  let part: Omit<Change, 'local'>[] = [];
  let size = 0;
  const flush = (isLast: boolean) => {
    packed.push(JSON.stringify({ ...notice, changes: part, isLast } satisfies Notice));
    part = [];
    size = 0;
  };
  for (const change of notice.changes.flatMap(splitLarge)) {
    const bytes = Buffer.byteLength(JSON.stringify(change));
    if (size + bytes > LARGEST - 300 && part.length > 0) flush(false);
    part.push(change);
    size += bytes;
  }
  flush(true);
  return packed;
}

/** A change about so many rooms or users that it fits no notice, as several of the same position. */
function splitLarge(change: Omit<Change, 'local'>): Omit<Change, 'local'>[] {
  const { rooms, users } = change;
  const count = rooms.length + users.length;
  if (count < 2 || Buffer.byteLength(JSON.stringify(change)) <= LARGEST - 300) return [change];
  const [firstRooms, firstUsers] = [Math.ceil(rooms.length / 2), Math.floor(users.length / 2)];
  return [
    { ...change, rooms: rooms.slice(0, firstRooms), users: users.slice(0, firstUsers) },
    { ...change, rooms: rooms.slice(firstRooms), users: users.slice(firstUsers) },
  ].flatMap(splitLarge);
}

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
    connection.on('notification', ({ payload }) => this.#take(JSON.parse(payload ?? '{}') as Notice));
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
