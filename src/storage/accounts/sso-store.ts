import type { UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** A row of the table `sso_attempts`: a browser is on its way to an identity provider. `purpose` is JSON. */
export interface SsoAttemptRow {
  readonly provider: string;
  /** Hash of what the browser is known by. */
  readonly browser: Uint8Array;
  readonly nonce: string;
  readonly code_verifier: string;
  readonly purpose: string;
  readonly expires_at: number;
}

const oneAttempt = sql(`SELECT * FROM sso_attempts WHERE hash = ? AND expires_at > ?`);
const insertAttempt = sql(
  `INSERT INTO sso_attempts (hash, provider, browser, nonce, code_verifier, purpose, expires_at)
   VALUES (?, ?, ?, ?, ?, ?, ?)`,
);
const removeAttempt = sql(`DELETE FROM sso_attempts WHERE hash = ?`);
const removeOldAttempts = sql(`DELETE FROM sso_attempts WHERE expires_at <= ?`);
const userOf = sql(`SELECT user_id FROM sso_identities WHERE provider = ? AND subject = ?`);
const providersOf = sql(
  `SELECT DISTINCT provider FROM sso_identities WHERE user_id = ? ORDER BY provider LIMIT 100`,
);
const insertIdentity = sql(
  `INSERT INTO sso_identities (provider, subject, user_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
);

/** The attempt whose state has this hash, or undefined. */
export function attempt(reader: Reader, hash: Uint8Array, now: number): Promise<SsoAttemptRow | undefined> {
  return reader.get<SsoAttemptRow>(oneAttempt, hash, now);
}

/** Adds an attempt, and removes those that expired. */
export function addAttempt(writer: Writer, hash: Uint8Array, row: SsoAttemptRow, now: number): void {
  writer.run(removeOldAttempts, now);
  writer.run(
    insertAttempt,
    ...[hash, row.provider, row.browser, row.nonce, row.code_verifier, row.purpose, row.expires_at],
  );
}

/** Uses an attempt up; the unit fails when it was used. */
export function useAttempt(writer: Writer, hash: Uint8Array): void {
  writer.guard(removeAttempt, hash);
}

/** Whom somebody of an identity provider is here, or undefined. */
export async function user(reader: Reader, provider: string, subject: string): Promise<UserId | undefined> {
  return (await reader.get<{ user_id: UserId }>(userOf, provider, subject))?.user_id;
}

/** The identity providers by which a user can sign in. */
export async function providers(reader: Reader, userId: UserId): Promise<string[]> {
  return (await reader.all<{ provider: string }>(providersOf, userId)).map(({ provider }) => provider);
}

/** Notes who somebody of an identity provider is here; the unit fails when that is known. */
export function link(writer: Writer, identity: { provider: string; subject: string; userId: UserId }): void {
  writer.guard(insertIdentity, identity.provider, identity.subject, identity.userId);
}
