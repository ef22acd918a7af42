import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

const insert = sql(`INSERT INTO login_macaroons (hash, txn_id, expires_at) VALUES (?, ?, ?)`);
const removeOld = sql(`DELETE FROM login_macaroons WHERE expires_at <= ?`);
const one = sql(`SELECT txn_id FROM login_macaroons WHERE hash = ? AND expires_at > ?`);

/** Ties a login token that was used to a transaction, in which it may be used again. Times are in milliseconds. */
export function tie(
  writer: Writer,
  token: { hash: Uint8Array; txnId: string; expiresAt: number },
  now: number,
): void {
  writer.run(removeOld, now);
  writer.run(insert, token.hash, token.txnId, token.expiresAt);
}

/** The transaction that a login token is tied to, or undefined. */
export async function transaction(
  reader: Reader,
  hash: Uint8Array,
  now: number,
): Promise<string | undefined> {
  return (await reader.get<{ txn_id: string }>(one, hash, now))?.txn_id;
}
