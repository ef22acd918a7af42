import type { DeviceId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** Whom an access token stands for. */
export interface AccessTokenRow {
  readonly user_id: string;
  readonly device_id: string;
  readonly expires_at: number | null;
  readonly is_guest: number;
  readonly is_admin: number;
  readonly deactivated: number;
  readonly locked: number;
  readonly suspended: number;
  /** The OAuth client that got the token; null for one of the legacy API. */
  readonly client_id: string | null;
  /** 1 when the device still has a refresh token that this access token was given for. */
  readonly has_replaced: number;
  /** Position in the log at which the device was made. */
  readonly made_at: number;
}

/** A row of the table `refresh_tokens`, and what became of the account. */
export interface RefreshTokenRow {
  readonly user_id: string;
  readonly device_id: string;
  /** 0: in use. 1: used for another that was not used yet. 2: spent. */
  readonly replaced: number;
  readonly client_id: string | null;
  readonly deactivated: number;
  readonly locked: number;
}

const accessToken = sql(
  `SELECT access_tokens.user_id AS user_id, access_tokens.device_id AS device_id, expires_at, is_guest, is_admin,
     deactivated, locked, suspended, client_id, COALESCE(made_at, 0) AS made_at, CASE WHEN expires_at IS NOT NULL AND EXISTS (
       SELECT 1 FROM refresh_tokens WHERE refresh_tokens.user_id = access_tokens.user_id
         AND refresh_tokens.device_id = access_tokens.device_id AND replaced = 1
     ) THEN 1 ELSE 0 END AS has_replaced
   FROM access_tokens JOIN users ON users.user_id = access_tokens.user_id
     LEFT JOIN devices ON devices.user_id = access_tokens.user_id AND devices.device_id = access_tokens.device_id
   WHERE hash = ?`,
);
const insertAccess = sql(
  `INSERT INTO access_tokens (hash, user_id, device_id, expires_at, client_id) VALUES (?, ?, ?, ?, ?)`,
);
const deleteOthers = sql(`DELETE FROM access_tokens WHERE user_id = ? AND device_id = ? AND hash <> ?`);
const refreshToken = sql(
  `SELECT refresh_tokens.user_id AS user_id, device_id, replaced, client_id, deactivated, locked
   FROM refresh_tokens JOIN users ON users.user_id = refresh_tokens.user_id WHERE hash = ?`,
);
const insertRefresh = sql(
  `INSERT INTO refresh_tokens (hash, user_id, device_id, client_id) VALUES (?, ?, ?, ?)`,
);
const deleteOtherRefresh = sql(
  `DELETE FROM refresh_tokens WHERE user_id = ? AND device_id = ? AND hash <> ?`,
);
const spendReplaced = sql(
  `UPDATE refresh_tokens SET replaced = 2 WHERE user_id = ? AND device_id = ? AND replaced = 1
     AND EXISTS (SELECT 1 FROM access_tokens WHERE access_tokens.hash = ?)`,
);
const markReplaced = sql(`UPDATE refresh_tokens SET replaced = 1 WHERE hash = ? AND replaced < 2`);
const useRefreshOnce = sql(`DELETE FROM refresh_tokens WHERE hash = ? AND replaced = 0`);
const insertLogin = sql(`INSERT INTO login_tokens (hash, user_id, expires_at) VALUES (?, ?, ?)`);
const loginToken = sql(`SELECT user_id, expires_at FROM login_tokens WHERE hash = ?`);
const deleteLogin = sql(`DELETE FROM login_tokens WHERE hash = ?`);
const deleteLoginsOf = sql(`DELETE FROM login_tokens WHERE user_id = ?`);
const deleteOldLogins = sql(`DELETE FROM login_tokens WHERE expires_at < ?`);

/** Whom the token with this hash stands for, or undefined. */
export function access(reader: Reader, hash: Uint8Array): Promise<AccessTokenRow | undefined> {
  return reader.get<AccessTokenRow>(accessToken, hash);
}

/** Adds an access token. `expiresAt` in milliseconds. */
export function addAccess(
  writer: Writer,
  hash: Uint8Array,
  token: {
    userId: UserId;
    deviceId: DeviceId;
    expiresAt: number | undefined;
    oauthClient: string | undefined;
  },
): void {
  const { userId, deviceId, expiresAt, oauthClient } = token;
  writer.run(insertAccess, hash, userId, deviceId, expiresAt ?? null, oauthClient ?? null);
}

/** Invalidates the device's access tokens other than this one. */
export function dropOtherAccess(writer: Writer, userId: UserId, deviceId: DeviceId, hash: Uint8Array): void {
  writer.run(deleteOthers, userId, deviceId, hash);
}

/** The refresh token with this hash, or undefined. */
export function refresh(reader: Reader, hash: Uint8Array): Promise<RefreshTokenRow | undefined> {
  return reader.get<RefreshTokenRow>(refreshToken, hash);
}

/** Adds a refresh token. */
export function addRefresh(
  writer: Writer,
  hash: Uint8Array,
  token: { userId: UserId; deviceId: DeviceId; oauthClient: string | undefined },
): void {
  writer.run(insertRefresh, hash, token.userId, token.deviceId, token.oauthClient ?? null);
}

/**
 * The token was used to get another: it stays valid until that one is used. The device's others go: those before it, and
 * one that was given for it already but did not arrive. The unit fails when the token is gone.
 */
export function replaceRefresh(writer: Writer, hash: Uint8Array, userId: UserId, deviceId: DeviceId): void {
  writer.run(deleteOtherRefresh, userId, deviceId, hash);
  writer.guard(markReplaced, hash);
}

/**
 * The refresh token that an access token was given for is spent: the access token was used, so it arrived. Does nothing when
 * the access token has been replaced itself since. The spent one is kept until the next is used, so that it is noticed when
 * somebody tries it again.
 */
export function spendReplacedRefresh(
  writer: Writer,
  userId: UserId,
  deviceId: DeviceId,
  accessHash: Uint8Array,
): void {
  writer.run(spendReplaced, userId, deviceId, accessHash);
}

/** Uses a refresh token up; the unit fails when it was used. */
export function useRefresh(writer: Writer, hash: Uint8Array): void {
  writer.guard(useRefreshOnce, hash);
}

/** Adds a token to log in with once. `expiresAt` in milliseconds. */
export function addLogin(
  writer: Writer,
  hash: Uint8Array,
  userId: UserId,
  expiresAt: number,
  now: number,
): void {
  writer.run(deleteOldLogins, now);
  writer.run(insertLogin, hash, userId, expiresAt);
}

/** The login token with this hash, or undefined. */
export function login(
  reader: Reader,
  hash: Uint8Array,
): Promise<{ user_id: string; expires_at: number } | undefined> {
  return reader.get(loginToken, hash);
}

/** Uses a login token up; the unit fails when it was used. */
export function useLogin(writer: Writer, hash: Uint8Array): void {
  writer.guard(deleteLogin, hash);
}

/** Ends a user's login tokens. */
export function dropLogins(writer: Writer, userId: UserId): void {
  writer.run(deleteLoginsOf, userId);
}
