import { createHash } from 'node:crypto';
import type { Statement } from '../database.ts';

/** A statement of a migration in PostgreSQL's words. Text sorts and compares by bytes, as in SQLite. */
export function translateMigration(statement: string): string {
  return statement
    .replace(/\bINTEGER\b/g, 'BIGINT')
    .replace(/\bBLOB\b/g, 'BYTEA')
    .replace(/\bTEXT\b/g, 'TEXT COLLATE "C"')
    .replace(/\bWITHOUT ROWID\b/g, '');
}

/** A statement as node-postgres takes it: numbered parameters, and a name under which it is prepared. */
export interface NamedStatement {
  readonly name: string;
  readonly text: string;
}

const translated = new Map<number, NamedStatement>();

/** The statement for PostgreSQL. Statements hold no question marks but placeholders. */
export function translateStatement(statement: Statement): NamedStatement {
  let found = translated.get(statement.id);
  if (!found) {
    let n = 0;
    const text = statement.text.replace(/\?/g, () => `$${++n}`);
    found = { name: createHash('sha256').update(text).digest('base64url').slice(0, 22), text };
    translated.set(statement.id, found);
  }
  return found;
}
