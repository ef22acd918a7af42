import { existsSync, mkdirSync } from 'node:fs';
import { dirname } from 'node:path';
import type { Database } from './database.ts';
import { MIGRATIONS } from './migrations/index.ts';
import type { Migration } from './migrations/migration.ts';

/** Where the database is. */
export type DatabaseLocation =
  | { readonly engine: 'sqlite'; readonly path: string }
  | { readonly engine: 'postgres'; readonly url: string; readonly poolSize?: number };

/**
 * Opens the database and brings its schema up to date.
 *
 * @throws Error with a message for the operator: a newer database, a changed migration, no connection.
 */
export async function openDatabase(
  location: DatabaseLocation,
  migrations: readonly Migration[] = MIGRATIONS,
): Promise<Database> {
  if (location.engine === 'postgres') {
    const { openPostgres } = await import('./postgres/postgres-database.ts');
    return openPostgres(location, migrations);
  }
  const { migrateSqlite } = await import('./sqlite/migrate.ts');
  const { SqliteDatabase } = await import('./sqlite/sqlite-database.ts');
  makeFolder(dirname(location.path));
  migrateSqlite(location.path, migrations);
  return new SqliteDatabase(location.path);
}

/**
 * Keeps a database for the one server that it can have, where its engine knows one only. Call it before it is opened.
 *
 * @returns what releases it.
 * @throws Error with a message for the operator where another server has it.
 */
export async function reserveDatabase(location: DatabaseLocation): Promise<() => void> {
  if (location.engine === 'postgres') return () => undefined;
  const { reserveForServer } = await import('./sqlite/sole-server.ts');
  makeFolder(dirname(location.path));
  return reserveForServer(location.path);
}

/**
 * What people write to each other is in there: for nobody else on the machine. Made step by step: in /proc, where nothing can
 * be made, Node's own `recursive` tries for ever.
 *
 * @throws Error naming the folder that cannot be made.
 */
function makeFolder(folder: string): void {
  if (existsSync(folder)) return;
  if (dirname(folder) !== folder) makeFolder(dirname(folder));
  try {
    mkdirSync(folder, { mode: 0o700 });
  } catch (error) {
    const { code } = error as { code?: string };
    // Another process that begins was first.
    if (code === 'EEXIST' && existsSync(folder)) return;
    // ENOENT though the parent is there, or a link that leads nowhere.
    if (code === 'ENOENT' || code === 'EEXIST')
      throw new Error(`the folder ${folder} cannot be made`, { cause: error });
    throw error;
  }
}
