import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

const one = sql(`SELECT room_id FROM server_notice_rooms WHERE user_id = ?`);
const put = sql(
  `INSERT INTO server_notice_rooms (user_id, room_id) VALUES (?, ?)
   ON CONFLICT (user_id) DO UPDATE SET room_id = excluded.room_id WHERE server_notice_rooms.room_id = ?`,
);

/** The user's room for notices, if there is one. */
export async function roomOf(reader: Reader, userId: UserId): Promise<RoomId | undefined> {
  return (await reader.get<{ room_id: RoomId }>(one, userId))?.room_id;
}

/** Notes the user's room for notices in place of the one `before`; the unit fails when there is another meanwhile. */
export function setRoom(writer: Writer, userId: UserId, roomId: RoomId, before: RoomId | undefined): void {
  writer.guard(put, userId, roomId, before ?? '');
}
