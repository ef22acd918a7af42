import type { RoomId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

const insertRoom = sql(
  `INSERT INTO network_rooms (appservice_id, network_id, room_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
);
const deleteRoom = sql(
  `DELETE FROM network_rooms WHERE appservice_id = ? AND network_id = ? AND room_id = ?`,
);
const roomsAfter = sql(
  `SELECT network_rooms.room_id FROM network_rooms JOIN rooms ON rooms.room_id = network_rooms.room_id
   WHERE appservice_id = ? AND network_id = ? AND network_rooms.room_id > ? AND joined_count > remote_joined
   ORDER BY network_rooms.room_id LIMIT ?`,
);

/** Puts a room into the directory of an application service's network. */
export function publish(writer: Writer, appserviceId: string, networkId: string, roomId: RoomId): void {
  writer.run(insertRoom, appserviceId, networkId, roomId);
}

/** Takes a room out of it. */
export function withdraw(writer: Writer, appserviceId: string, networkId: string, roomId: RoomId): void {
  writer.run(deleteRoom, appserviceId, networkId, roomId);
}

/** Rooms of a network's directory in the order of their IDs, after `after`. */
export async function page(
  reader: Reader,
  network: { appserviceId: string; networkId: string },
  after: string,
  limit: number,
): Promise<RoomId[]> {
  const { appserviceId, networkId } = network;
  const rows = await reader.all<{ room_id: RoomId }>(roomsAfter, appserviceId, networkId, after, limit);
  return rows.map((row) => row.room_id);
}
