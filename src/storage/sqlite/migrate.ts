import { DatabaseSync } from 'node:sqlite';
import { checksum, pending, type AppliedMigration, type Migration } from '../migrations/migration.ts';
import { configureConnection } from './connection.ts';

/** Brings a database file up to date, one transaction a migration. Makes the file if there is none. */
export function migrateSqlite(path: string, migrations: readonly Migration[]): void {
  const connection = new DatabaseSync(path);
  try {
    configureConnection(connection);
    connection.exec(
      'CREATE TABLE IF NOT EXISTS migrations (number INTEGER PRIMARY KEY, name TEXT NOT NULL, checksum TEXT NOT NULL)',
    );
    const applied = connection.prepare('SELECT * FROM migrations').all() as unknown as AppliedMigration[];
    const remember = connection.prepare('INSERT INTO migrations (number, name, checksum) VALUES (?, ?, ?)');
    for (const migration of pending('sqlite', migrations, applied)) {
      connection.exec('BEGIN IMMEDIATE');
      for (const statement of migration.statements) connection.exec(statement);
      remember.run(migration.number, migration.name, checksum(migration));
      connection.exec('COMMIT');
    }
  } finally {
    connection.close();
  }
}
