import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** A row of the table `backup_versions`. `auth_data` is JSON text. */
export interface BackupVersionRow {
  readonly version: number;
  readonly algorithm: string;
  readonly auth_data: string;
  readonly etag: number;
  readonly count: number;
}

/** A row of the table `backup_keys`. `session_data` is JSON text. */
export interface BackupKeyRow {
  readonly room_id: string;
  readonly session_id: string;
  readonly first_message_index: number;
  readonly forwarded_count: number;
  readonly is_verified: number;
  readonly session_data: string;
}

const VERSION = `SELECT version, algorithm, auth_data, etag, count FROM backup_versions`;
const current = sql(`${VERSION} WHERE user_id = ? AND deleted = 0 ORDER BY version DESC LIMIT 1`);
const byVersion = sql(`${VERSION} WHERE user_id = ? AND version = ? AND deleted = 0`);
const newest = sql(`SELECT COALESCE(MAX(version), 0) AS version FROM backup_versions WHERE user_id = ?`);
const insertVersion = sql(
  `INSERT INTO backup_versions (user_id, version, algorithm, auth_data) VALUES (?, ?, ?, ?) ON CONFLICT DO NOTHING`,
);
const setAuthData = sql(
  `UPDATE backup_versions SET auth_data = ? WHERE user_id = ? AND version = ? AND deleted = 0`,
);
const markDeleted = sql(
  `UPDATE backup_versions SET deleted = 1, count = 0 WHERE user_id = ? AND version = ?`,
);
const step = sql(
  `UPDATE backup_versions SET etag = etag + 1, count = count + ?
   WHERE user_id = ? AND version = ? AND etag = ? AND deleted = 0`,
);
const KEY = `SELECT room_id, session_id, first_message_index, forwarded_count, is_verified, session_data FROM backup_keys`;
const keysPage = sql(
  `${KEY} WHERE user_id = ? AND version = ? AND (room_id > ? OR (room_id = ? AND session_id > ?))
   ORDER BY room_id, session_id LIMIT ?`,
);
const roomPage = sql(
  `${KEY} WHERE user_id = ? AND version = ? AND room_id = ? AND session_id > ? ORDER BY session_id LIMIT ?`,
);
const oneKey = sql(`${KEY} WHERE user_id = ? AND version = ? AND room_id = ? AND session_id = ?`);
const upsertKey = sql(
  `INSERT INTO backup_keys (user_id, version, room_id, session_id, first_message_index, forwarded_count,
     is_verified, session_data) VALUES (?, ?, ?, ?, ?, ?, ?, ?)
   ON CONFLICT (user_id, version, room_id, session_id) DO UPDATE SET
     first_message_index = excluded.first_message_index, forwarded_count = excluded.forwarded_count,
     is_verified = excluded.is_verified, session_data = excluded.session_data`,
);
const countAll = sql(`SELECT COUNT(*) AS count FROM backup_keys WHERE user_id = ? AND version = ?`);
const countRoom = sql(
  `SELECT COUNT(*) AS count FROM backup_keys WHERE user_id = ? AND version = ? AND room_id = ?`,
);
const deleteAll = sql(`DELETE FROM backup_keys WHERE user_id = ? AND version = ?`);
const deleteRoom = sql(`DELETE FROM backup_keys WHERE user_id = ? AND version = ? AND room_id = ?`);
const deleteOne = sql(
  `DELETE FROM backup_keys WHERE user_id = ? AND version = ? AND room_id = ? AND session_id = ?`,
);

/** The user's current backup, or the one of a version; undefined when there is none. */
export function version(
  reader: Reader,
  userId: UserId,
  number?: number,
): Promise<BackupVersionRow | undefined> {
  return number === undefined
    ? reader.get<BackupVersionRow>(current, userId)
    : reader.get<BackupVersionRow>(byVersion, userId, number);
}

/** The newest version there ever was; 0 for none. */
export async function newestVersion(reader: Reader, userId: UserId): Promise<number> {
  return (await reader.get<{ version: number }>(newest, userId))?.version ?? 0;
}

/** Adds a version; the unit fails when it is there already. */
export function addVersion(
  writer: Writer,
  userId: UserId,
  row: { version: number; algorithm: string; authData: string },
): void {
  writer.guard(insertVersion, userId, row.version, row.algorithm, row.authData);
}

/** Sets the `auth_data` of a version; the unit fails when there is no such version. */
export function putAuthData(writer: Writer, userId: UserId, number: number, authData: string): void {
  writer.guard(setAuthData, authData, userId, number);
}

/** Deletes a version with its keys; the unit fails when there never was such a version. */
export function removeVersion(writer: Writer, userId: UserId, number: number): void {
  writer.guard(markDeleted, userId, number);
  writer.run(deleteAll, userId, number);
}

/** Moves a version on to its next etag; the unit fails when it is not at the one given. */
export function advance(
  writer: Writer,
  userId: UserId,
  at: { version: number; etag: number },
  added: number,
): void {
  writer.guard(step, added, userId, at.version, at.etag);
}

/** Keys of a version after a room and session, in order; of one room when it is given. */
export function page(
  reader: Reader,
  userId: UserId,
  number: number,
  from: { room: RoomId | undefined; afterRoom: string; afterSession: string; limit: number },
): Promise<BackupKeyRow[]> {
  const { room, afterRoom, afterSession, limit } = from;
  return room === undefined
    ? reader.all<BackupKeyRow>(keysPage, userId, number, afterRoom, afterRoom, afterSession, limit)
    : reader.all<BackupKeyRow>(roomPage, userId, number, room, afterSession, limit);
}

/** The key of a session, or undefined. */
export function key(
  reader: Reader,
  userId: UserId,
  number: number,
  session: { room: string; session: string },
): Promise<BackupKeyRow | undefined> {
  return reader.get<BackupKeyRow>(oneKey, userId, number, session.room, session.session);
}

/** Sets the key of a session. */
export function putKey(writer: Writer, userId: UserId, number: number, row: BackupKeyRow): void {
  const { first_message_index: index, forwarded_count: forwarded, is_verified: verified } = row;
  writer.run(
    upsertKey,
    userId,
    number,
    row.room_id,
    row.session_id,
    index,
    forwarded,
    verified,
    row.session_data,
  );
}

/** How many keys a version has, in all or of one room. */
export async function count(
  reader: Reader,
  userId: UserId,
  number: number,
  room: string | undefined,
): Promise<number> {
  const row =
    room === undefined
      ? await reader.get<{ count: number }>(countAll, userId, number)
      : await reader.get<{ count: number }>(countRoom, userId, number, room);
  return row?.count ?? 0;
}

/** Deletes keys of a version: all, those of a room, or that of a session. */
export function removeKeys(
  writer: Writer,
  userId: UserId,
  number: number,
  which: { room?: string | undefined; session?: string | undefined },
): void {
  if (which.room === undefined) writer.run(deleteAll, userId, number);
  else if (which.session === undefined) writer.run(deleteRoom, userId, number, which.room);
  else writer.run(deleteOne, userId, number, which.room, which.session);
}
