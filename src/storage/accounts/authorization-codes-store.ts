import type { UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** A row of the table `authorization_codes`: a client may have a session of the user on the device. */
export interface AuthorizationCodeRow {
  readonly client_id: string;
  readonly user_id: string;
  readonly device_id: string;
  readonly scope: string;
  readonly redirect_uri: string;
  readonly code_challenge: string;
  readonly redeemed: number;
  readonly expires_at: number;
}

const one = sql(`SELECT * FROM authorization_codes WHERE hash = ?`);
const insert = sql(
  `INSERT INTO authorization_codes
     (hash, client_id, user_id, device_id, scope, redirect_uri, code_challenge, expires_at)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?)`,
);
const redeemOne = sql(`UPDATE authorization_codes SET redeemed = 1 WHERE hash = ? AND redeemed = 0`);
const removeUnredeemed = sql(`DELETE FROM authorization_codes WHERE user_id = ? AND redeemed = 0`);
const removeOld = sql(`DELETE FROM authorization_codes WHERE expires_at < ?`);

/** The code with this hash, or undefined. */
export function byHash(reader: Reader, hash: Uint8Array): Promise<AuthorizationCodeRow | undefined> {
  return reader.get<AuthorizationCodeRow>(one, hash);
}

/** Adds a code; codes that expired before `oldest` are removed. Times are in milliseconds. */
export function add(
  writer: Writer,
  hash: Uint8Array,
  row: Omit<AuthorizationCodeRow, 'redeemed'>,
  oldest: number,
): void {
  writer.run(removeOld, oldest);
  writer.run(
    insert,
    ...[hash, row.client_id, row.user_id, row.device_id, row.scope],
    ...[row.redirect_uri, row.code_challenge, row.expires_at],
  );
}

/** Marks a code as redeemed; the unit fails when it was. */
export function redeem(writer: Writer, hash: Uint8Array): void {
  writer.guard(redeemOne, hash);
}

/** Ends a user's codes that were not redeemed. */
export function removeAll(writer: Writer, userId: UserId): void {
  writer.run(removeUnredeemed, userId);
}
