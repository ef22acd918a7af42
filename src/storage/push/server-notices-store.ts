import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

const one = sql(`SELECT room_id FROM server_notice_rooms WHERE user_id = ?`);
const insert = sql(`INSERT INTO server_notice_rooms (user_id, room_id) VALUES (?, ?) ON CONFLICT DO NOTHING`);

/** The user's room for notices, if there is one. */
export async function roomOf(reader: Reader, userId: UserId): Promise<RoomId | undefined> {
  return (await reader.get<{ room_id: RoomId }>(one, userId))?.room_id;
}

/** Notes the user's room for notices; the unit fails when there is one already. */
export function setRoom(writer: Writer, userId: UserId, roomId: RoomId): void {
  writer.guard(insert, userId, roomId);
}
