import type { UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

const one = sql(`SELECT filter FROM filters WHERE user_id = ? AND filter_id = ?`);
const insertFilter = sql(
  `INSERT INTO filters (user_id, filter_id, filter) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
);

/** The filter's JSON text, or undefined. */
export async function get(reader: Reader, userId: UserId, filterId: string): Promise<string | undefined> {
  return (await reader.get<{ filter: string }>(one, userId, filterId))?.filter;
}

/** Keeps a filter; the same one again changes nothing. */
export function insert(writer: Writer, userId: UserId, filterId: string, filter: string): void {
  writer.run(insertFilter, userId, filterId, filter);
}
