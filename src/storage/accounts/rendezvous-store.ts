import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** A row of the table `rendezvous_sessions`: what two devices show each other. Times are in milliseconds. */
export interface RendezvousRow {
  readonly data: Uint8Array;
  /** Another text after each change. */
  readonly version: string;
  readonly expires_at: number;
}

/** Sessions that are kept; with more, the oldest go. */
const MOST = 10_000;

const one = sql(`SELECT data, version, expires_at FROM rendezvous_sessions WHERE id = ? AND expires_at > ?`);
const insert = sql(
  `INSERT INTO rendezvous_sessions (id, data, media_type, version, changed_at, expires_at)
   VALUES (?, ?, 'text/plain', ?, ?, ?)`,
);
const changeOne = sql(
  `UPDATE rendezvous_sessions SET data = ?, version = ?, changed_at = ?
   WHERE id = ? AND version = ? AND expires_at > ?`,
);
const removeOne = sql(`DELETE FROM rendezvous_sessions WHERE id = ? AND expires_at > ?`);
const removeOld = sql(`DELETE FROM rendezvous_sessions WHERE expires_at <= ?`);
const removeMost = sql(
  `DELETE FROM rendezvous_sessions WHERE id IN (
     SELECT id FROM rendezvous_sessions ORDER BY expires_at DESC LIMIT 100 OFFSET ${MOST}
   )`,
);

/** The session, or undefined. */
export function byId(reader: Reader, id: string, now: number): Promise<RendezvousRow | undefined> {
  return reader.get<RendezvousRow>(one, id, now);
}

/** Adds a session, and removes those that expired. */
export function add(writer: Writer, id: string, row: RendezvousRow, now: number): void {
  writer.run(removeOld, now);
  writer.run(removeMost);
  writer.run(insert, id, row.data, row.version, now, row.expires_at);
}

/** Changes a session; the unit fails when its version is another, or it is gone. */
export function change(
  writer: Writer,
  id: string,
  to: { data: Uint8Array; version: string; from: string },
  now: number,
): void {
  writer.guard(changeOne, to.data, to.version, now, id, to.from, now);
}

/** Ends a session; the unit fails when there is none. */
export function remove(writer: Writer, id: string, now: number): void {
  writer.guard(removeOne, id, now);
}
