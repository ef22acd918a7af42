import { createHash } from 'node:crypto';
import type { Database } from '../database.ts';

/** A numbered step of the database's schema. Once released, its text must never change. */
export interface Migration {
  readonly number: number;
  readonly name: string;
  /** Statements in SQLite's words; the PostgreSQL engine translates types. */
  readonly statements: readonly string[];
  /** The engine that it is for; both when left out. */
  readonly engine?: Database['engine'];
}

/** A migration that a database says was run. */
export interface AppliedMigration {
  readonly number: number;
  readonly name: string;
  readonly checksum: string;
}

/** SHA-256 of a migration's text. */
export function checksum(migration: Migration): string {
  return createHash('sha256').update(migration.statements.join(';\n')).digest('hex');
}

/**
 * The migrations of an engine still to run on a database.
 *
 * @throws Error when the database is of a newer Myelin, or a migration was changed after it was run.
 */
export function pending(
  engine: Database['engine'],
  known: readonly Migration[],
  applied: readonly AppliedMigration[],
): Migration[] {
  const byNumber = new Map(known.map((migration) => [migration.number, migration]));
  for (const row of applied) {
    const migration = byNumber.get(row.number);
    if (!migration) {
      const newest = Math.max(...byNumber.keys());
      throw new Error(
        `The database is of a newer version of Myelin: it has migration ${row.number} (${row.name}), ` +
          `this version knows migrations up to ${newest}. Start the newer version, or restore a backup.`,
      );
    }
    if (checksum(migration) !== row.checksum) {
      throw new Error(
        `Migration ${row.number} (${row.name}) is not what was run on this database: its checksum differs`,
      );
    }
  }
  const done = new Set(applied.map((row) => row.number));
  return known.filter((migration) => {
    return !done.has(migration.number) && (migration.engine ?? engine) === engine;
  });
}
