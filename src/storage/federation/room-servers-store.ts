import type { RoomId, ServerName } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { inSlots, slots } from '../slots.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

/*
 * The table `room_servers` says which other servers are in which rooms: how many of the room's joined members are theirs,
 * since which position of the log, and where the last of them left. Events between the two are for them.
 */

const addMembers = sql(
  `INSERT INTO room_servers (server_name, room_id, joined, since) VALUES (?, ?, ?, ?)
   ON CONFLICT (server_name, room_id) DO UPDATE SET joined = room_servers.joined + excluded.joined,
     since = CASE WHEN room_servers.joined > 0 THEN room_servers.since ELSE excluded.since END`,
);
const removeMember = sql(
  `UPDATE room_servers SET joined = joined - 1, left_at = CASE WHEN joined = 1 THEN ? ELSE left_at END
   WHERE server_name = ? AND room_id = ? AND joined > 0`,
);
const tellOnce = sql(
  `INSERT INTO room_servers (server_name, room_id, joined, since, left_at) VALUES (?, ?, 0, ?, ?)
   ON CONFLICT (server_name, room_id) DO UPDATE SET since = excluded.since, left_at = excluded.left_at
   WHERE room_servers.joined = 0`,
);
const addVisit = sql(
  `INSERT INTO room_servers (server_name, room_id, joined, since, left_at) VALUES (?, ?, 0, ?, ?)
   ON CONFLICT (server_name, room_id) DO NOTHING`,
);
const joinedServers = sql(
  `SELECT server_name FROM room_servers WHERE room_id = ? AND joined > 0 ORDER BY server_name`,
);
/** Rooms that one statement reads. */
const ROOMS_AT_ONCE = 50;
const joinedInRooms = sql(
  `SELECT room_id, server_name FROM room_servers
   WHERE room_id IN (${slots(ROOMS_AT_ONCE)}) AND joined > 0
   ORDER BY room_id, server_name`,
);
const serversAt = sql(
  `SELECT server_name FROM room_servers WHERE room_id = ? AND since <= ? AND (joined > 0 OR left_at >= ?)`,
);
const serversSince = sql(
  `SELECT server_name FROM room_servers WHERE room_id = ? AND (joined > 0 OR left_at > ?) ORDER BY server_name`,
);
const isJoined = sql(`SELECT joined FROM room_servers WHERE server_name = ? AND room_id = ? AND joined > 0`);
const roomsOf = sql(
  `SELECT room_id FROM room_servers WHERE server_name = ? AND joined > 0 AND room_id > ?
   ORDER BY room_id LIMIT ?`,
);

/** So many more members of a server are joined to a room. */
export function join(writer: Writer, server: ServerName, roomId: RoomId, at: Position, count: number): void {
  writer.run(addMembers, server, roomId, count, at);
}

/** One member of a server less is joined to a room. */
export function leave(writer: Writer, server: ServerName, roomId: RoomId, at: Position): void {
  writer.run(removeMember, at, server, roomId);
}

/** The event at a position is for a server, too, that has nobody in the room. */
export function tell(writer: Writer, server: ServerName, roomId: RoomId, at: Position): void {
  writer.run(tellOnce, server, roomId, at, at);
}

/** A server that has nobody in a room had somebody there, which was not known then. */
export function noteVisit(writer: Writer, server: ServerName, roomId: RoomId, at: Position): void {
  writer.run(addVisit, server, roomId, at, at);
}

/** The other servers that have joined members in a room. */
export async function of(reader: Reader, roomId: RoomId): Promise<ServerName[]> {
  const rows = await reader.all<{ server_name: ServerName }>(joinedServers, roomId);
  return rows.map((row) => row.server_name);
}

/** The other servers that have joined members in some rooms, by room; rooms without are left out. */
export async function ofRooms(
  reader: Reader,
  roomIds: readonly RoomId[],
): Promise<ReadonlyMap<RoomId, readonly ServerName[]>> {
  const found = new Map<RoomId, ServerName[]>();
  for (const part of inSlots(roomIds, ROOMS_AT_ONCE)) {
    const rows = await reader.all<{ room_id: RoomId; server_name: ServerName }>(joinedInRooms, ...part);
    for (const { room_id: roomId, server_name: server } of rows) {
      const servers = found.get(roomId);
      if (servers) servers.push(server);
      else found.set(roomId, [server]);
    }
  }
  return found;
}

/** The other servers for which the event of a room at a position is. */
export async function at(reader: Reader, roomId: RoomId, position: number): Promise<ServerName[]> {
  const rows = await reader.all<{ server_name: ServerName }>(serversAt, roomId, position, position);
  return rows.map((row) => row.server_name);
}

/** The other servers that have joined members in a room, or had after a position. */
export async function since(reader: Reader, roomId: RoomId, position: number): Promise<ServerName[]> {
  const rows = await reader.all<{ server_name: ServerName }>(serversSince, roomId, position);
  return rows.map((row) => row.server_name);
}

/** Whether another server has joined members in a room. */
export async function isIn(reader: Reader, server: ServerName, roomId: RoomId): Promise<boolean> {
  return (await reader.get(isJoined, server, roomId)) !== undefined;
}

/** How many members of another server are joined. */
export async function joinedOf(reader: Reader, server: ServerName, roomId: RoomId): Promise<number> {
  return (await reader.get<{ joined: number }>(isJoined, server, roomId))?.joined ?? 0;
}

/** Rooms in which a server has joined members, after one, in the order of their IDs. */
export async function rooms(
  reader: Reader,
  server: ServerName,
  after: string,
  limit: number,
): Promise<RoomId[]> {
  const rows = await reader.all<{ room_id: RoomId }>(roomsOf, server, after, limit);
  return rows.map((row) => row.room_id);
}
