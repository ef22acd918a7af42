import type { UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** Tokens that one user has at most; a further one ends the oldest. */
const MOST_TOKENS = 50;

const insert = sql(`INSERT INTO identity_tokens (hash, user_id, created_at) VALUES (?, ?, ?)`);
const removeOldest = sql(
  `DELETE FROM identity_tokens WHERE hash IN (
     SELECT hash FROM identity_tokens WHERE user_id = ? ORDER BY created_at DESC, hash LIMIT 100 OFFSET ${MOST_TOKENS - 1})`,
);
const holder = sql(`SELECT user_id FROM identity_tokens WHERE hash = ?`);
const removeOne = sql(`DELETE FROM identity_tokens WHERE hash = ?`);
const insertTerm = sql(
  `INSERT INTO identity_terms (user_id, url, agreed_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
);
const terms = sql(`SELECT url FROM identity_terms WHERE user_id = ? ORDER BY agreed_at DESC LIMIT 1000`);

/** Adds a token of a user, who loses the oldest of very many. */
export function addToken(writer: Writer, hash: Buffer, userId: UserId, now: number): void {
  writer.run(removeOldest, userId);
  writer.run(insert, hash, userId, now);
}

/** Whose token this is, if it is one. */
export async function userOf(reader: Reader, hash: Buffer): Promise<UserId | undefined> {
  return (await reader.get<{ user_id: UserId }>(holder, hash))?.user_id;
}

/** Ends a token. */
export function removeToken(writer: Writer, hash: Buffer): void {
  writer.run(removeOne, hash);
}

/** Notes that a user agreed to what is at an address. */
export function agree(writer: Writer, userId: UserId, url: string, now: number): void {
  writer.run(insertTerm, userId, url, now);
}

/** Addresses of what a user agreed to, at most 1000, the newest first. */
export async function agreedBy(reader: Reader, userId: UserId): Promise<string[]> {
  return (await reader.all<{ url: string }>(terms, userId)).map(({ url }) => url);
}
