import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

const usable = sql(
  `SELECT token FROM registration_tokens WHERE token = ? AND (uses_allowed IS NULL OR completed < uses_allowed)
     AND (expires_at IS NULL OR expires_at > ?)`,
);
const useToken = sql(
  `UPDATE registration_tokens SET completed = completed + 1
   WHERE token = ? AND (uses_allowed IS NULL OR completed < uses_allowed)`,
);
const insertToken = sql(
  `INSERT INTO registration_tokens (token, uses_allowed, expires_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
);

/** Whether a registration can be made with the token now (ms). */
export async function isUsable(reader: Reader, token: string, now: number): Promise<boolean> {
  return (await reader.get(usable, token, now)) !== undefined;
}

/** Counts a registration; the unit fails when the token has no uses left. */
export function use(writer: Writer, token: string): void {
  writer.guard(useToken, token);
}

/** Adds a token. Undefined limits are none; `expiresAt` in milliseconds. */
export function insert(
  writer: Writer,
  token: string,
  limits: { uses: number | undefined; expiresAt: number | undefined },
): void {
  writer.run(insertToken, token, limits.uses ?? null, limits.expiresAt ?? null);
}
