import type { RoomId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';
import { BEFORE_HISTORY } from '../unit-of-work.ts';

const roomsWithPolicy = sql(
  `SELECT room_id FROM current_state WHERE type = 'm.room.retention' AND state_key = '' AND room_id > ?
   ORDER BY room_id LIMIT ?`,
);
const allRooms = sql(`SELECT room_id FROM rooms WHERE room_id > ? ORDER BY room_id LIMIT ?`);
const readProgress = sql(`SELECT position FROM retention_progress WHERE room_id = ?`);
const moveProgress = sql(
  `INSERT INTO retention_progress (room_id, position) VALUES (?, ?)
   ON CONFLICT (room_id) DO UPDATE SET position = excluded.position WHERE retention_progress.position = ?`,
);

/** Rooms that say how long their messages are kept, or all rooms, in the order of their IDs after one. */
export async function rooms(
  reader: Reader,
  which: 'with-policy' | 'all',
  after: string,
  limit: number,
): Promise<RoomId[]> {
  const statement = which === 'all' ? allRooms : roomsWithPolicy;
  const rows = await reader.all<{ room_id: RoomId }>(statement, after, limit);
  return rows.map((row) => row.room_id);
}

/** Position up to which the messages of a room have been looked at. */
export async function progress(reader: Reader, roomId: RoomId): Promise<number> {
  return (await reader.get<{ position: number }>(readProgress, roomId))?.position ?? BEFORE_HISTORY;
}

/** Moves it on; the unit fails when another process did so before. */
export function advance(writer: Writer, roomId: RoomId, from: number, to: number): void {
  writer.guard(moveProgress, roomId, to, from);
}
