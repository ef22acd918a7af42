import type { RoomId, UserId } from '../protocol/identifiers.ts';
import type { Reader, Writer } from './database.ts';
import { sql } from './sql.ts';

const one = sql(`SELECT counts FROM unread_counts WHERE user_id = ? AND room_id = ?`);
const upsert = sql(
  `INSERT INTO unread_counts (user_id, room_id, counts) VALUES (?, ?, ?)
   ON CONFLICT (user_id, room_id) DO UPDATE SET counts = excluded.counts`,
);

/** What was kept for a user and room, as JSON text. */
export async function get(reader: Reader, userId: UserId, roomId: RoomId): Promise<string | undefined> {
  return (await reader.get<{ counts: string }>(one, userId, roomId))?.counts;
}

/** Keeps JSON text for a user and room. */
export function put(writer: Writer, userId: UserId, roomId: RoomId, counts: string): void {
  writer.run(upsert, userId, roomId, counts);
}
