import { mkdirSync } from 'node:fs';
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
  mkdirSync(dirname(location.path), { recursive: true });
  migrateSqlite(location.path, migrations);
  return new SqliteDatabase(location.path);
}
