import type { UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

const insert = sql(`INSERT INTO openid_tokens (hash, user_id, expires_at) VALUES (?, ?, ?)`);
const removeOld = sql(`DELETE FROM openid_tokens WHERE expires_at <= ?`);
const valid = sql(
  `SELECT openid_tokens.user_id AS user_id FROM openid_tokens JOIN users ON users.user_id = openid_tokens.user_id
   WHERE hash = ? AND expires_at > ? AND deactivated = 0`,
);

/** Adds a token and removes those that have expired. Times are in milliseconds. */
export function add(
  writer: Writer,
  token: { hash: Buffer; userId: UserId; expiresAt: number },
  now: number,
): void {
  writer.run(removeOld, now);
  writer.run(insert, token.hash, token.userId, token.expiresAt);
}

/** Whose token this is; undefined for one that is unknown or has expired. */
export async function userOf(reader: Reader, hash: Buffer, now: number): Promise<UserId | undefined> {
  return (await reader.get<{ user_id: UserId }>(valid, hash, now))?.user_id;
}
