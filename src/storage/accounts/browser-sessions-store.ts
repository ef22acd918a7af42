import type { UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** Who is signed in with a browser. Times are in milliseconds. */
export interface BrowserSessionRow {
  readonly user_id: string;
  readonly authenticated_at: number;
}

const one = sql(
  `SELECT browser_sessions.user_id AS user_id, authenticated_at
   FROM browser_sessions JOIN users ON users.user_id = browser_sessions.user_id
   WHERE hash = ? AND expires_at > ? AND deactivated = 0 AND locked = 0`,
);
const insert = sql(
  `INSERT INTO browser_sessions (hash, user_id, authenticated_at, expires_at) VALUES (?, ?, ?, ?)`,
);
const removeOne = sql(`DELETE FROM browser_sessions WHERE hash = ?`);
const removeUser = sql(`DELETE FROM browser_sessions WHERE user_id = ?`);
const removeOld = sql(`DELETE FROM browser_sessions WHERE expires_at < ?`);

/** Whose browser it is whose cookie has this hash, or undefined; also where their account is closed or locked. */
export function byHash(
  reader: Reader,
  hash: Uint8Array,
  now: number,
): Promise<BrowserSessionRow | undefined> {
  return reader.get<BrowserSessionRow>(one, hash, now);
}

/** Adds a session, and removes those that expired. */
export function add(
  writer: Writer,
  session: { hash: Uint8Array; userId: UserId; authenticatedAt: number; expiresAt: number },
): void {
  writer.run(removeOld, session.authenticatedAt);
  writer.run(insert, session.hash, session.userId, session.authenticatedAt, session.expiresAt);
}

/** Ends a session. */
export function remove(writer: Writer, hash: Uint8Array): void {
  writer.run(removeOne, hash);
}

/** Ends all sessions of a user. */
export function removeAll(writer: Writer, userId: UserId): void {
  writer.run(removeUser, userId);
}
