import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

const one = sql(`SELECT counts FROM unread_counts WHERE user_id = ? AND room_id = ?`);
const keptRooms = sql(`SELECT room_id FROM unread_counts WHERE user_id = ?`);
const upsert = sql(
  `INSERT INTO unread_counts (user_id, room_id, counts) VALUES (?, ?, ?)
   ON CONFLICT (user_id, room_id) DO UPDATE SET counts = excluded.counts`,
);
const unreadRooms = sql(
  `SELECT memberships.room_id AS room_id FROM memberships JOIN rooms ON rooms.room_id = memberships.room_id
   WHERE memberships.user_id = ? AND memberships.membership = 'join' AND rooms.position > COALESCE((
     SELECT MAX(event_position) FROM receipts WHERE receipts.room_id = memberships.room_id
       AND receipts.user_id = memberships.user_id AND thread_id = '' AND type IN ('m.read', 'm.read.private')), 0)`,
);

/** What was kept for a user and room, as JSON text. */
export async function get(reader: Reader, userId: UserId, roomId: RoomId): Promise<string | undefined> {
  return (await reader.get<{ counts: string }>(one, userId, roomId))?.counts;
}

/** Rooms for which something was kept for a user. */
export async function roomsOf(reader: Reader, userId: UserId): Promise<ReadonlySet<RoomId>> {
  const rows = await reader.all<{ room_id: RoomId }>(keptRooms, userId);
  return new Set(rows.map((row) => row.room_id));
}

/** Keeps JSON text for a user and room. */
export function put(writer: Writer, userId: UserId, roomId: RoomId, counts: string): void {
  writer.run(upsert, userId, roomId, counts);
}

/** Rooms that a user is joined to and has not read to the end. */
export async function roomsToCount(reader: Reader, userId: UserId): Promise<RoomId[]> {
  const rows = await reader.all<{ room_id: RoomId }>(unreadRooms, userId);
  return rows.map((row) => row.room_id);
}
