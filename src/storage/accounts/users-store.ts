import type { UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** A row of the table `users`. */
export interface UserRow {
  readonly user_id: string;
  readonly password_hash: string | null;
  readonly is_guest: number;
  readonly is_admin: number;
  readonly deactivated: number;
  readonly locked: number;
  readonly suspended: number;
  readonly created_at: number;
}

const one = sql(`SELECT * FROM users WHERE user_id = ?`);
const insertUser = sql(
  `INSERT INTO users (user_id, password_hash, is_guest, is_admin, created_at) VALUES (?, ?, ?, ?, ?)
   ON CONFLICT DO NOTHING`,
);
const makeFull = sql(`UPDATE users SET is_guest = 0, password_hash = ? WHERE user_id = ? AND is_guest = 1`);
const updatePassword = sql(`UPDATE users SET password_hash = ? WHERE user_id = ? AND deactivated = 0`);
const renewHash = sql(`UPDATE users SET password_hash = ? WHERE user_id = ? AND password_hash = ?`);
const deactivateUser = sql(
  `UPDATE users SET deactivated = 1, password_hash = NULL WHERE user_id = ? AND deactivated = 0`,
);
const openUser = sql(
  `SELECT user_id FROM users WHERE user_id = ? AND deactivated = 0 AND (password_hash IS NOT NULL
     OR EXISTS (SELECT 1 FROM devices WHERE devices.user_id = users.user_id)
     OR EXISTS (SELECT 1 FROM threepids WHERE threepids.user_id = users.user_id)
     OR EXISTS (SELECT 1 FROM sso_identities WHERE sso_identities.user_id = users.user_id))`,
);
const anybody = sql(
  `SELECT user_id FROM users WHERE password_hash IS NOT NULL
     OR EXISTS (SELECT 1 FROM sso_identities WHERE sso_identities.user_id = users.user_id) LIMIT 1`,
);
const lockUser = sql(`UPDATE users SET locked = ? WHERE user_id = ? AND deactivated = 0`);
const suspendUser = sql(`UPDATE users SET suspended = ? WHERE user_id = ? AND deactivated = 0`);

/** The user, or undefined. */
export function byId(reader: Reader, userId: UserId): Promise<UserRow | undefined> {
  return reader.get<UserRow>(one, userId);
}

/** Whether somebody is logged in as the user, or has a password, an address or an identity by which they could be. */
export async function isSomebodys(reader: Reader, userId: UserId): Promise<boolean> {
  return (await reader.get(openUser, userId)) !== undefined;
}

/** Whether anybody has an account of their own: bridges and guests have users without. Looks until it finds one. */
export async function isAnybodyThere(reader: Reader): Promise<boolean> {
  return (await reader.get(anybody)) !== undefined;
}

/** Adds a user; the unit fails when the ID is taken. */
export function insert(
  writer: Writer,
  user: {
    userId: UserId;
    passwordHash: string | null;
    isGuest: boolean;
    isAdmin: boolean;
    createdAt: number;
  },
): void {
  const { userId, passwordHash, isGuest, isAdmin, createdAt } = user;
  writer.guard(insertUser, userId, passwordHash, isGuest ? 1 : 0, isAdmin ? 1 : 0, createdAt);
}

/** Makes a guest's account a full one; the unit fails when it is none of a guest. */
export function makeFullUser(writer: Writer, userId: UserId, passwordHash: string | null): void {
  writer.guard(makeFull, passwordHash, userId);
}

/** Sets a password; the unit fails when there is no such active user. */
export function setPassword(writer: Writer, userId: UserId, passwordHash: string): void {
  writer.guard(updatePassword, passwordHash, userId);
}

/** Keeps another hash of the same password, unless there is another password meanwhile. */
export function renewPasswordHash(writer: Writer, userId: UserId, before: string, after: string): void {
  writer.run(renewHash, after, userId, before);
}

/** Closes an account for good; the unit fails when it is closed already. */
export function deactivate(writer: Writer, userId: UserId): void {
  writer.guard(deactivateUser, userId);
}

/** Locks or unlocks an account; the unit fails when there is no such active user. */
export function setLocked(writer: Writer, userId: UserId, locked: boolean): void {
  writer.guard(lockUser, locked ? 1 : 0, userId);
}

/** Suspends an account or lifts that; the unit fails when there is no such active user. */
export function setSuspended(writer: Writer, userId: UserId, suspended: boolean): void {
  writer.guard(suspendUser, suspended ? 1 : 0, userId);
}
