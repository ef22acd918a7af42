import { createHash } from 'node:crypto';
import { DatabaseSync } from 'node:sqlite';
import pg from 'pg';
import type { TestPlace } from '../server/engines.ts';
import { locationOf } from '../server/place-database.ts';

/** Tells whether a server wrote anything. */
export interface WriteWatch {
  /** Looking costs so much that only each so-manieth request should be looked at. */
  readonly every: number;
  /** Quickly had: as long as it is the same, nothing was written. */
  mark(): Promise<string>;
  /** Is the same as long as the database has the same contents. Positions may be skipped: that is no content. */
  contents(): Promise<string>;
  close(): Promise<void>;
}

/** Watches the database of a place, from outside of the server. */
export function watchWrites(place: TestPlace): Promise<WriteWatch> {
  const location = locationOf(place);
  return location.engine === 'sqlite'
    ? Promise.resolve(watchSqlite(location.path))
    : watchPostgres(location.url);
}

/** SQLite counts the commits of other connections, those among them that a guard left nothing of. */
function watchSqlite(path: string): WriteWatch {
  const database = new DatabaseSync(path, { readOnly: true });
  const statement = database.prepare('PRAGMA data_version');
  return {
    every: 1,
    mark: () => Promise.resolve(JSON.stringify(statement.get())),
    contents: () => {
      const tables = database
        .prepare(`SELECT name FROM sqlite_master WHERE type = 'table' AND name <> 'stream' ORDER BY name`)
        .all();
      const hash = createHash('sha256');
      for (const { name } of tables) {
        const rows = database.prepare(`SELECT * FROM "${String(name)}"`);
        rows.setReadBigInts(true);
        for (const row of rows.iterate()) hash.update(textOf(String(name), row));
      }
      return Promise.resolve(hash.digest('hex'));
    },
    close: () => Promise.resolve(database.close()),
  };
}

/** Each row of PostgreSQL knows which transaction wrote it. */
async function watchPostgres(url: string): Promise<WriteWatch> {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  const { rows } = await client.query<{ name: string }>(
    `SELECT quote_ident(tablename) AS name FROM pg_tables WHERE schemaname = 'public' AND tablename <> 'stream'`,
  );
  const marks = rows.map(({ name }) => `SELECT count(*) AS n, sum(xmin::text::bigint) AS x FROM ${name}`);
  const text = marks.join(' UNION ALL ');
  const mark = async () => JSON.stringify((await client.query(text)).rows);
  return {
    every: 8,
    mark,
    contents: mark,
    close: () => client.end(),
  };
}

/** The tables that SQLite makes for its own index, and alone reads. Their numbers are of 64 bits. */
const OF_THE_ENGINE = /^search_index_/;

/** @throws Error for a number that a server could not read back. */
function textOf(table: string, row: Record<string, unknown>): string {
  return JSON.stringify(row, (column, value: unknown) => {
    if (typeof value !== 'bigint') return value;
    if (Number.isSafeInteger(Number(value))) return Number(value);
    if (OF_THE_ENGINE.test(table)) return String(value);
    throw new Error(`${table}.${column} holds ${value}`);
  });
}
