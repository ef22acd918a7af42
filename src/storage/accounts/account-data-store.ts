import type { UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

/** A row of the table `account_data`. `content` is JSON text; the room ID is empty for data of no room. */
export interface AccountDataRow {
  readonly room_id: string;
  readonly type: string;
  readonly content: string;
  readonly position: number;
}

const one = sql(`SELECT * FROM account_data WHERE user_id = ? AND room_id = ? AND type = ?`);
const since = sql(
  `SELECT room_id, type, content, position FROM account_data
   WHERE user_id = ? AND room_id = ? AND position > ? AND position <= ?`,
);
const allSince = sql(
  `SELECT room_id, type, content, position FROM account_data
   WHERE user_id = ? AND position > ? AND position <= ?`,
);
const allOfType = sql(
  `SELECT room_id, type, content, position FROM account_data WHERE user_id = ? AND room_id <> '' AND type = ?`,
);
const upsert = sql(
  `INSERT INTO account_data (user_id, room_id, type, content, position) VALUES (?, ?, ?, ?, ?)
   ON CONFLICT (user_id, room_id, type) DO UPDATE SET content = excluded.content, position = excluded.position`,
);
const upsertUnchanged = sql(
  `INSERT INTO account_data (user_id, room_id, type, content, position) VALUES (?, ?, ?, ?, ?)
   ON CONFLICT (user_id, room_id, type) DO UPDATE SET content = excluded.content, position = excluded.position
   WHERE account_data.position = ?`,
);

const emptyOrphans = sql(
  `UPDATE account_data SET content = '{}', position = ?
   WHERE user_id = ? AND room_id = '' AND substr(type, 1, ?) = ? AND content <> '{}'
     AND substr(type, ?) NOT IN (SELECT device_id FROM devices WHERE user_id = ?)`,
);

/** One entry, or undefined. */
export function get(
  reader: Reader,
  userId: UserId,
  room: string,
  type: string,
): Promise<AccountDataRow | undefined> {
  return reader.get<AccountDataRow>(one, userId, room, type);
}

/** Entries of one room, or of no room, that changed after a position and not after another. */
export function changed(
  reader: Reader,
  userId: UserId,
  room: string,
  range: { after: number; upTo: number },
): Promise<AccountDataRow[]> {
  return reader.all<AccountDataRow>(since, userId, room, range.after, range.upTo);
}

/** The same for all rooms and no room. */
export function changedAnywhere(
  reader: Reader,
  userId: UserId,
  range: { after: number; upTo: number },
): Promise<AccountDataRow[]> {
  return reader.all<AccountDataRow>(allSince, userId, range.after, range.upTo);
}

/** The entries of one type, of all rooms. */
export function ofType(reader: Reader, userId: UserId, type: string): Promise<AccountDataRow[]> {
  return reader.all<AccountDataRow>(allOfType, userId, type);
}

/** Sets an entry to JSON text. */
export function put(
  writer: Writer,
  userId: UserId,
  entry: { room: string; type: string; content: string },
  at: Position,
): void {
  writer.run(upsert, userId, entry.room, entry.type, entry.content, at);
}

/** The same; the unit fails when the entry is no longer the one it was at a position, or there is one after all. */
export function replace(
  writer: Writer,
  userId: UserId,
  entry: { room: string; type: string; content: string },
  at: Position,
  before: number | undefined,
): void {
  writer.guard(upsertUnchanged, userId, entry.room, entry.type, entry.content, at, before ?? -1);
}

/** Empties the entries of no room whose type is a prefix and the ID of a device that the user has not. */
export function emptyOfEndedDevices(writer: Writer, userId: UserId, prefix: string, at: Position): void {
  writer.run(emptyOrphans, at, userId, prefix.length, prefix, prefix.length + 1, userId);
}
