import type { RoomId, UserId } from '../protocol/identifiers.ts';
import type { Reader, Writer } from './database.ts';
import { sql } from './sql.ts';

/** A row of the table `untold_joins`. */
export interface UntoldJoin {
  readonly user_id: UserId;
  readonly room_id: RoomId;
}

const insert = sql(`INSERT INTO untold_joins (user_id, room_id) VALUES (?, ?) ON CONFLICT DO NOTHING`);
const remove = sql(`DELETE FROM untold_joins WHERE user_id = ? AND room_id = ?`);
const one = sql(`SELECT 1 AS one FROM untold_joins WHERE user_id = ? AND room_id = ?`);
const first = sql(`SELECT * FROM untold_joins ORDER BY user_id, room_id LIMIT ?`);

/** Notes, in the unit of a join, that the other servers in the room are to be told of the user's devices. */
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

/** Some of those that are noted. */
export function some(reader: Reader, limit: number): Promise<UntoldJoin[]> {
  return reader.all<UntoldJoin>(first, limit);
}
