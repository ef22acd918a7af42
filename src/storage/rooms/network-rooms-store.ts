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
const roomsBeside = {
  after: sql(
    `SELECT network_rooms.room_id ${OF_NETWORK} AND network_rooms.room_id > ?
     ORDER BY network_rooms.room_id LIMIT ?`,
  ),
  before: sql(
    `SELECT network_rooms.room_id ${OF_NETWORK} AND network_rooms.room_id < ?
     ORDER BY network_rooms.room_id DESC LIMIT ?`,
  ),
};
const countRooms = sql(`SELECT COUNT(*) AS count ${OF_NETWORK}`);

/** Puts a room into the directory of an application service's network. */
export function publish(writer: Writer, appserviceId: string, networkId: string, roomId: RoomId): void {
  writer.run(insertRoom, appserviceId, networkId, roomId);
}

/** Takes a room out of it. */
export function withdraw(writer: Writer, appserviceId: string, networkId: string, roomId: RoomId): void {
  writer.run(deleteRoom, appserviceId, networkId, roomId);
}

/** A place in a network's directory, which is in the order of room IDs: beside a room, and the side to go on from it. */
export interface NetworkPlace {
  readonly side: 'after' | 'before';
  readonly roomId: string;
}

/** Rooms of a network's directory from a place on, those nearest to it first. */
export async function page(
  reader: Reader,
  network: NetworkInstance,
  { side, roomId }: NetworkPlace,
  limit: number,
): Promise<RoomId[]> {
  const { appserviceId, networkId } = network;
  const rows = await reader.all<{ room_id: RoomId }>(
    roomsBeside[side],
    ...[appserviceId, networkId, roomId, limit],
  );
  return rows.map((row) => row.room_id);
}

/** How many rooms a network's directory lists. */
export async function count(reader: Reader, { appserviceId, networkId }: NetworkInstance): Promise<number> {
  return (await reader.get<{ count: number }>(countRooms, appserviceId, networkId))?.count ?? 0;
}
