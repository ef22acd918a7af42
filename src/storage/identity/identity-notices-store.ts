import type { ServerName } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** A row of the table `identity_notices`: what a homeserver is to be told. Times are in milliseconds. */
export interface NoticeRow {
  readonly id: string;
  readonly server: ServerName;
  /** The request's body, as JSON. */
  readonly body: string;
  /** How often it was tried. */
  readonly tries: number;
  readonly created_at: number;
  readonly next_at: number;
}

const insert = sql(
  `INSERT INTO identity_notices (id, server, body, created_at, next_at) VALUES (?, ?, ?, ?, ?)`,
);
const dueOnes = sql(`SELECT * FROM identity_notices WHERE next_at <= ? ORDER BY next_at, id LIMIT 20`);
const next = sql(`SELECT MIN(next_at) AS at FROM identity_notices`);
const claimOne = sql(
  `UPDATE identity_notices SET tries = tries + 1, next_at = ? WHERE id = ? AND tries = ? AND next_at = ?`,
);
const removeOne = sql(`DELETE FROM identity_notices WHERE id = ?`);

/** Adds a notice that is due at once. */
export function add(
  writer: Writer,
  notice: { readonly id: string; readonly server: ServerName; readonly body: string },
  now: number,
): void {
  writer.run(insert, notice.id, notice.server, notice.body, now, now);
}

/** Notices that are due, at most 20. */
export function due(reader: Reader, now: number): Promise<NoticeRow[]> {
  return reader.all<NoticeRow>(dueOnes, now);
}

/** When the next notice is due, if there is any. */
export async function nextDue(reader: Reader): Promise<number | undefined> {
  return (await reader.get<{ at: number | null }>(next))?.at ?? undefined;
}

/** Takes a notice, which is due again at a time unless it is removed; the unit fails when another process took it. */
export function claim(writer: Writer, row: NoticeRow, nextAt: number): void {
  writer.guard(claimOne, nextAt, row.id, row.tries, row.next_at);
}

/** Drops a notice. */
export function remove(writer: Writer, id: string): void {
  writer.run(removeOne, id);
}
