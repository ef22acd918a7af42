import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

const row = sql(`SELECT position FROM push_dispatch WHERE id = 1`);
const take = sql(
  `UPDATE push_dispatch SET holder = ?, expires_at = ? WHERE id = 1 AND (holder = ? OR expires_at <= ?)`,
);
const move = sql(
  `UPDATE push_dispatch SET expires_at = ?, position = CASE WHEN position > ? THEN position ELSE CAST(? AS BIGINT) END
   WHERE id = 1 AND holder = ?`,
);
const giveBack = sql(`UPDATE push_dispatch SET expires_at = 0 WHERE id = 1 AND holder = ?`);

/** Up to where the log was looked at for what has to be pushed. */
export async function position(reader: Reader): Promise<number> {
  return (await reader.get<{ position: number }>(row))?.position ?? 0;
}

/** Makes a process the one that pushes, until a time; the unit fails when another is it. Times in milliseconds. */
export function acquire(writer: Writer, holder: string, expiresAt: number, now: number): void {
  writer.guard(take, holder, expiresAt, holder, now);
}

/** The process goes on pushing, and has looked at the log up to a position; the unit fails when it is no longer the one. */
export function advance(writer: Writer, holder: string, expiresAt: number, upTo: number): void {
  writer.guard(move, expiresAt, upTo, upTo, holder);
}

/** The process pushes no longer. */
export function release(writer: Writer, holder: string): void {
  writer.run(giveBack, holder);
}
