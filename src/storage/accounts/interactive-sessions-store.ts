import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** A row of the table `interactive_sessions`. `completed` and `params` are JSON. */
export interface InteractiveSessionRow {
  readonly id: string;
  readonly purpose: string;
  readonly completed: string;
  readonly params: string;
  readonly expires_at: number;
}

const one = sql(`SELECT * FROM interactive_sessions WHERE id = ?`);
const upsert = sql(
  `INSERT INTO interactive_sessions (id, purpose, completed, params, expires_at) VALUES (?, ?, ?, ?, ?)
   ON CONFLICT (id) DO UPDATE SET completed = excluded.completed, params = excluded.params`,
);
const removeOne = sql(`DELETE FROM interactive_sessions WHERE id = ?`);
const removeOld = sql(`DELETE FROM interactive_sessions WHERE expires_at < ?`);

/** The session, or undefined. */
export function byId(reader: Reader, id: string): Promise<InteractiveSessionRow | undefined> {
  return reader.get<InteractiveSessionRow>(one, id);
}

/** Keeps a session, and drops those that have expired. */
export function put(writer: Writer, row: InteractiveSessionRow, now: number): void {
  writer.run(removeOld, now);
  writer.run(upsert, row.id, row.purpose, row.completed, row.params, row.expires_at);
}

/** Ends a session. */
export function remove(writer: Writer, id: string): void {
  writer.run(removeOne, id);
}
