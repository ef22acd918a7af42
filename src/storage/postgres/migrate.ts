import pg from 'pg';
import { checksum, pending, type AppliedMigration, type Migration } from '../migrations/migration.ts';
import { translateMigration } from './dialect.ts';
import { types } from './connection.ts';

/** Any number, the same for every Myelin: who migrates holds this lock. */
const LOCK = 7_246_331;

/**
 * Brings a database up to date, one transaction a migration, one process at a time.
 *
 * @throws Error when the database does not keep text as UTF-8.
 */
export async function migratePostgres(url: string, migrations: readonly Migration[]): Promise<void> {
  const client = new pg.Client({ connectionString: url, types });
  await client.connect();
  try {
    const { rows } = await client.query('SHOW server_encoding');
    const encoding = String(rows[0]?.server_encoding);
    if (encoding !== 'UTF8') {
      throw new Error(
        `The database keeps text as ${encoding}. Make one with: CREATE DATABASE … ENCODING 'UTF8'`,
      );
    }
    await client.query('SELECT pg_advisory_lock($1)', [LOCK]);
    await client.query(
      'CREATE TABLE IF NOT EXISTS migrations (number BIGINT PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)',
    );
    const applied = (await client.query('SELECT * FROM migrations')).rows as AppliedMigration[];
    for (const migration of pending('postgres', migrations, applied)) await apply(client, migration);
  } finally {
    await client.end();
  }
}

async function apply(client: pg.Client, migration: Migration): Promise<void> {
  await client.query('BEGIN');
  for (const statement of migration.statements) await client.query(translateMigration(statement));
  await client.query('INSERT INTO migrations (number, name, checksum) VALUES ($1, $2, $3)', [
    migration.number,
    migration.name,
    checksum(migration),
  ]);
  await client.query('COMMIT');
}
