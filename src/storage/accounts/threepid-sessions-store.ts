import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** A row of the table `threepid_sessions`: somebody proves to have an address. Times are in milliseconds. */
export interface ThreepidSessionRow {
  readonly sid: string;
  readonly purpose: string;
  readonly medium: string;
  readonly address: string;
  readonly client_secret: string;
  readonly send_attempt: number;
  readonly token_hash: Uint8Array;
  readonly next_link: string | null;
  readonly tries: number;
  readonly validated_at: number | null;
  readonly expires_at: number;
}

/** Wrong tokens that may be tried on a session: a code of six digits cannot be guessed with them. */
export const MOST_TRIES = 10;
/** How long it can be told that a session has expired, rather than that there is none. */
const EXPIRED_KNOWN_MS = 7 * 86_400_000;

const one = sql(`SELECT * FROM threepid_sessions WHERE sid = ?`);
const same = sql(
  `SELECT * FROM threepid_sessions WHERE purpose = ? AND medium = ? AND address = ? AND client_secret = ?`,
);
const upsert = sql(
  `INSERT INTO threepid_sessions
     (sid, purpose, medium, address, client_secret, send_attempt, token_hash, next_link, expires_at)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
   ON CONFLICT (purpose, medium, address, client_secret) DO UPDATE SET
     sid = excluded.sid, send_attempt = excluded.send_attempt, token_hash = excluded.token_hash,
     next_link = excluded.next_link, expires_at = excluded.expires_at, validated_at = NULL,
     tries = CASE WHEN threepid_sessions.sid = excluded.sid THEN threepid_sessions.tries ELSE 0 END
   WHERE threepid_sessions.expires_at <= ? OR (threepid_sessions.sid = excluded.sid
     AND threepid_sessions.send_attempt < excluded.send_attempt AND threepid_sessions.validated_at IS NULL)`,
);
const setAttempt = sql(`UPDATE threepid_sessions SET send_attempt = ? WHERE sid = ? AND token_hash = ?`);
const countTry = sql(`UPDATE threepid_sessions SET tries = tries + 1 WHERE sid = ? AND tries < ?`);
const validateOne = sql(
  `UPDATE threepid_sessions SET validated_at = ?, expires_at = ? WHERE sid = ? AND token_hash = ?`,
);
const consumeOne = sql(`DELETE FROM threepid_sessions WHERE sid = ?`);
const removeOld = sql(`DELETE FROM threepid_sessions WHERE expires_at < ?`);

/** The session, or undefined. */
export function byId(reader: Reader, sid: string): Promise<ThreepidSessionRow | undefined> {
  return reader.get<ThreepidSessionRow>(one, sid);
}

/** The session for the same address and secret, or undefined. */
export function bySecret(
  reader: Reader,
  key: { purpose: string; medium: string; address: string; clientSecret: string },
): Promise<ThreepidSessionRow | undefined> {
  return reader.get<ThreepidSessionRow>(same, key.purpose, key.medium, key.address, key.clientSecret);
}

/**
 * Begins a session, or gives the one of the same ID, address and secret another token; drops those that expired a week ago.
 * The unit fails when another session of the same address and secret has begun, or this one went on.
 */
export function put(
  writer: Writer,
  row: Omit<ThreepidSessionRow, 'tries' | 'validated_at'>,
  now: number,
): void {
  const { sid, purpose, medium, address } = row;
  writer.run(removeOld, now - EXPIRED_KNOWN_MS);
  writer.guard(
    upsert,
    ...[sid, purpose, medium, address, row.client_secret, row.send_attempt, row.token_hash],
    ...[row.next_link, row.expires_at, now],
  );
}

/** Takes back that something was sent for an attempt, unless the session has another token since. */
export function takeBackAttempt(
  writer: Writer,
  session: { readonly sid: string; readonly token_hash: Uint8Array },
  before: number,
): void {
  writer.run(setAttempt, before, session.sid, session.token_hash);
}

/** Counts a try; the unit fails when there were too many. */
export function addTry(writer: Writer, sid: string): void {
  writer.guard(countTry, sid, MOST_TRIES);
}

/** Marks a session as validated, which gives it new time; the unit fails when its token has become another. */
export function validate(
  writer: Writer,
  session: { readonly sid: string; readonly token_hash: Uint8Array },
  at: { readonly now: number; readonly expiresAt: number },
): void {
  writer.guard(validateOne, at.now, at.expiresAt, session.sid, session.token_hash);
}

/** Ends a session that has served; the unit fails when another request was first. */
export function consume(writer: Writer, sid: string): void {
  writer.guard(consumeOne, sid);
}
