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
const insert = sql(
  `INSERT INTO interactive_sessions (id, purpose, completed, params, expires_at) VALUES (?, ?, ?, ?, ?)`,
);
const changeOne = sql(`UPDATE interactive_sessions SET completed = ?, params = ? WHERE id = ?`);
const removeOne = sql(`DELETE FROM interactive_sessions WHERE id = ?`);
const removeOld = sql(`DELETE FROM interactive_sessions WHERE expires_at < ?`);

/** The session, or undefined. */
export function byId(reader: Reader, id: string): Promise<InteractiveSessionRow | undefined> {
  return reader.get<InteractiveSessionRow>(one, id);
}

/** Adds a session, and drops those that have expired. */
export function add(writer: Writer, row: InteractiveSessionRow, now: number): void {
  writer.run(removeOld, now);
  writer.run(insert, row.id, row.purpose, row.completed, row.params, row.expires_at);
}

/** Notes how far a session is; the unit fails when it has ended. */
export function change(
  writer: Writer,
  row: Pick<InteractiveSessionRow, 'id' | 'completed' | 'params'>,
): void {
  writer.guard(changeOne, row.completed, row.params, row.id);
}

/** Ends a session; the unit fails when another request did. */
export function remove(writer: Writer, id: string): void {
  writer.guard(removeOne, id);
}
