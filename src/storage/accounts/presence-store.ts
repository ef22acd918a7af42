import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

/** A row of the table `presence`. */
export interface PresenceRow {
  readonly user_id: string;
  readonly presence: string;
  readonly status_msg: string | null;
  readonly last_active_at: number;
  readonly position: number;
}

const one = sql(`SELECT * FROM presence WHERE user_id = ?`);
const upsert = sql(
  `INSERT INTO presence (user_id, presence, status_msg, last_active_at, position) VALUES (?, ?, ?, ?, ?)
   ON CONFLICT (user_id) DO UPDATE SET presence = excluded.presence, status_msg = excluded.status_msg,
     last_active_at = excluded.last_active_at, position = excluded.position`,
);
const inRoom = sql(
  `SELECT presence.* FROM memberships JOIN presence ON presence.user_id = memberships.user_id
   WHERE memberships.room_id = ? AND memberships.membership = 'join' AND presence.presence <> 'offline' LIMIT ?`,
);

const present = sql(
  `SELECT * FROM presence WHERE presence <> 'offline' AND user_id > ? ORDER BY user_id LIMIT ?`,
);

/** Those who are not offline, in order of user ID. */
export function presentAfter(reader: Reader, after: string, limit: number): Promise<PresenceRow[]> {
  return reader.all<PresenceRow>(present, after, limit);
}

/** The user's presence, or undefined. */
export function of(reader: Reader, userId: UserId): Promise<PresenceRow | undefined> {
  return reader.get<PresenceRow>(one, userId);
}

/** Sets a presence. `lastActiveAt` in milliseconds. */
export function put(
  writer: Writer,
  row: { userId: UserId; presence: string; statusMsg: string | undefined; lastActiveAt: number },
  at: Position,
): void {
  writer.run(upsert, row.userId, row.presence, row.statusMsg ?? null, row.lastActiveAt, at);
}

/** Members of a room who are not offline, at most `limit`. */
export function presentInRoom(reader: Reader, roomId: RoomId, limit: number): Promise<PresenceRow[]> {
  return reader.all<PresenceRow>(inRoom, roomId, limit);
}
