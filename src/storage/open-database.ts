import { dirname } from 'node:path';
import { makeOwnFolder } from '../platform/own-folder.ts';
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
  makeOwnFolder(dirname(location.path));
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
  makeOwnFolder(dirname(location.path));
  return reserveForServer(location.path);
}
