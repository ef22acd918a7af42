import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** A row of the table `untold_joins`. */
export interface UntoldJoin {
  readonly user_id: UserId;
  readonly room_id: RoomId;
}

const insert = sql(`INSERT INTO untold_joins (user_id, room_id) VALUES (?, ?) ON CONFLICT DO NOTHING`);
const remove = sql(`DELETE FROM untold_joins WHERE user_id = ? AND room_id = ?`);
const one = sql(`SELECT 1 AS one FROM untold_joins WHERE user_id = ? AND room_id = ?`);
const next = sql(
  `SELECT * FROM untold_joins WHERE (user_id, room_id) > (?, ?) AND NOT EXISTS (
     SELECT 1 FROM partial_rooms WHERE partial_rooms.room_id = untold_joins.room_id AND completed_at IS NULL
   ) ORDER BY user_id, room_id LIMIT ?`,
);

/** Notes, in the unit of a join or of a change of devices, that the other servers in the room are to be told of them. */
export function note(writer: Writer, userId: UserId, roomId: RoomId): void {
  writer.run(insert, userId, roomId);
}

/** They were told, or need not be. */
export function forget(writer: Writer, userId: UserId, roomId: RoomId): void {
  writer.run(remove, userId, roomId);
}

/** Whether they are still to be told. */
export async function isNoted(reader: Reader, userId: UserId, roomId: RoomId): Promise<boolean> {
  return (await reader.get(one, userId, roomId)) !== undefined;
}

/** Some of those that are noted, after one, in order. Those in rooms whose members are yet to come are left out. */
export function after(reader: Reader, last: UntoldJoin | undefined, limit: number): Promise<UntoldJoin[]> {
  return reader.all<UntoldJoin>(next, last?.user_id ?? '', last?.room_id ?? '', limit);
}
