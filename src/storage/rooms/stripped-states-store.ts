import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

const upsert = sql(
  `INSERT INTO stripped_states (user_id, room_id, state) VALUES (?, ?, ?)
   ON CONFLICT (user_id, room_id) DO UPDATE SET state = excluded.state`,
);
const stateOf = sql(`SELECT state FROM stripped_states WHERE user_id = ? AND room_id = ?`);
const deleteOf = sql(`DELETE FROM stripped_states WHERE user_id = ? AND room_id = ?`);

/** Keeps what the user is shown of a room that is not here, as JSON text. */
export function set(writer: Writer, userId: UserId, roomId: RoomId, state: string): void {
  writer.run(upsert, userId, roomId, state);
}

/** What the user is shown of a room that is not here, as JSON text. */
export async function of(reader: Reader, userId: UserId, roomId: RoomId): Promise<string | undefined> {
  return (await reader.get<{ state: string }>(stateOf, userId, roomId))?.state;
}

/** Forgets it. */
export function remove(writer: Writer, userId: UserId, roomId: RoomId): void {
  writer.run(deleteOf, userId, roomId);
}
