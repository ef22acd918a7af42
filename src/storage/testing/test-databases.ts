import { test } from 'node:test';
import { ENGINES, makePlace, type TestPlace } from '../../testing/server/engines.ts';
import { locationOf } from '../../testing/server/place-database.ts';
import type { Change, Database } from '../database.ts';
import { MIGRATIONS } from '../migrations/index.ts';
import type { Migration } from '../migrations/migration.ts';
import { openDatabase } from '../open-database.ts';
import { sql } from '../sql.ts';
import { UnitOfWork } from '../unit-of-work.ts';

/** Tables that only tests have. */
export const TABLES: Migration = {
  number: 1_000,
  name: 'tables for tests',
  statements: [
    'CREATE TABLE counters (name TEXT PRIMARY KEY, value INTEGER NOT NULL)',
    'CREATE TABLE entries (id TEXT PRIMARY KEY, position INTEGER NOT NULL)',
  ],
};
export const SCHEMA = [...MIGRATIONS, TABLES];
export const insertEntry = sql('INSERT INTO entries (id, position) VALUES (?, ?)');
/** Ends the connections on which changes are told: where they began was the last that was asked on them. */
export const killListeners = sql(
  `SELECT pg_terminate_backend(pid) FROM pg_stat_activity
   WHERE query LIKE 'SELECT position FROM stream%' AND pid <> pg_backend_pid() AND datname = current_database()`,
);
export const readEntries = sql('SELECT id, position FROM entries ORDER BY position');

export interface Entry {
  readonly id: string;
  readonly position: number;
}

/** A unit that adds an entry and tells of it. */
export function entry(id: string): UnitOfWork {
  const unit = new UnitOfWork();
  const position = unit.position();
  unit.run(insertEntry, id, position);
  unit.announce({ topic: 'event', position, data: { id } });
  return unit;
}

/** Runs a test with several databases in one place, as several processes would have it. */
export async function withDatabases(
  engine: TestPlace['engine'],
  count: number,
  run: (databases: Database[], place: TestPlace) => Promise<void>,
): Promise<void> {
  const place = await makePlace(engine);
  const databases: Database[] = [];
  try {
    for (let i = 0; i < count; i++) databases.push(await openDatabase(locationOf(place), SCHEMA));
    await run(databases, place);
  } finally {
    for (const database of databases) await database.close();
    await place.remove();
  }
}

/** Declares a test with so many databases in one place; on SQLite only one with one. */
export function onDatabases(
  title: string,
  count: number,
  run: (databases: Database[], place: TestPlace) => Promise<void>,
): void {
  for (const engine of ENGINES) {
    if (count > 1 && engine === 'sqlite') continue;
    void test(`${title} (${engine})`, () => withDatabases(engine, count, run));
  }
}

/** What a database tells its subscribers. */
export function record(database: Database): { changes: Change[]; ids: () => string[] } {
  const changes: Change[] = [];
  database.subscribe((batch) => void changes.push(...batch));
  const ids = () => changes.map((change) => String((change.data as { id?: string } | null)?.id));
  return { changes, ids };
}
