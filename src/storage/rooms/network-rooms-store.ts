import type { NetworkInstance } from '../../protocol/application-services/instance-id.ts';
import type { RoomId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

const insertRoom = sql(
  `INSERT INTO network_rooms (appservice_id, network_id, room_id) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
);
const deleteRoom = sql(
  `DELETE FROM network_rooms WHERE appservice_id = ? AND network_id = ? AND room_id = ?`,
);
/** Rooms of one network that somebody of this server is in. */
const OF_NETWORK = `FROM network_rooms JOIN rooms ON rooms.room_id = network_rooms.room_id
   WHERE appservice_id = ? AND network_id = ? AND joined_count > remote_joined`;
const roomsAfter = sql(
  `SELECT network_rooms.room_id ${OF_NETWORK} AND network_rooms.room_id > ?
   ORDER BY network_rooms.room_id LIMIT ?`,
);
const countRooms = sql(`SELECT COUNT(*) AS count ${OF_NETWORK}`);

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
  network: NetworkInstance,
  after: string,
  limit: number,
): Promise<RoomId[]> {
  const { appserviceId, networkId } = network;
  const rows = await reader.all<{ room_id: RoomId }>(roomsAfter, appserviceId, networkId, after, limit);
  return rows.map((row) => row.room_id);
}

/** How many rooms a network's directory lists. */
export async function count(reader: Reader, { appserviceId, networkId }: NetworkInstance): Promise<number> {
  return (await reader.get<{ count: number }>(countRooms, appserviceId, networkId))?.count ?? 0;
}
