import type { RoomId, ServerName } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import type { Lease } from '../process-leases.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

/** An event that waits for a server. */
export interface OutgoingEventRow {
  readonly position: number;
  readonly event_id: string;
}

/** Ephemeral data that is kept until a server has taken it. */
export interface OutgoingEduRow {
  readonly position: number;
  readonly type: string;
  /** JSON text. */
  readonly content: string;
}

const FOR_SERVER = `room_servers.server_name = ? AND events.outgoing = 1 AND events.position > ?
  AND events.position >= room_servers.since
  AND (room_servers.joined > 0 OR events.position <= room_servers.left_at)`;
const pendingEvents = sql(
  `SELECT events.position AS position, events.event_id AS event_id FROM room_servers
   JOIN events ON events.room_id = room_servers.room_id
   WHERE ${FOR_SERVER} AND events.position <= ? ORDER BY events.position LIMIT ?`,
);
const newestOfRooms = sql(
  `SELECT newest.position AS position, events.event_id AS event_id FROM
     (SELECT MAX(events.position) AS position FROM room_servers
      JOIN events ON events.room_id = room_servers.room_id
      WHERE ${FOR_SERVER} AND events.position <= ? GROUP BY room_servers.room_id) AS newest
   JOIN events ON events.position = newest.position ORDER BY newest.position LIMIT ?`,
);
const waitingServers = sql(
  `SELECT part.server_name AS server_name, part.room_id AS room_id, EXISTS (
     SELECT 1 FROM events WHERE events.room_id = part.room_id AND events.outgoing = 1
       AND events.position >= part.since AND events.position > COALESCE(destinations.position, 0)
       AND (part.joined > 0 OR events.position <= part.left_at)) AS waits
   FROM (SELECT * FROM room_servers WHERE (server_name, room_id) > (?, ?) ORDER BY server_name, room_id LIMIT ?)
     AS part
   LEFT JOIN destinations ON destinations.server_name = part.server_name
   ORDER BY part.server_name, part.room_id`,
);
const setPosition = sql(
  `UPDATE destinations SET position = ? WHERE server_name = ? AND lease_owner = ? AND position < ?`,
);
const claimLease = sql(
  `INSERT INTO destinations (server_name, lease_owner, lease_until) VALUES (?, ?, ?)
   ON CONFLICT (server_name) DO UPDATE SET lease_owner = excluded.lease_owner,
     lease_until = excluded.lease_until
   WHERE destinations.lease_owner IS NULL OR destinations.lease_owner = excluded.lease_owner
     OR destinations.lease_until < ?`,
);
const renewLeases = sql(`UPDATE destinations SET lease_until = ? WHERE lease_owner = ? AND lease_until >= ?`);
const heldLeases = sql(
  `SELECT server_name FROM destinations WHERE lease_owner = ? AND lease_until >= ? AND server_name > ?
   ORDER BY server_name LIMIT ?`,
);
const releaseLeases = sql(`UPDATE destinations SET lease_owner = NULL WHERE lease_owner = ?`);
const leaseOf = sql(`SELECT lease_until FROM destinations WHERE server_name = ?`);
const insertEdu = sql(`INSERT INTO outgoing_edus (server_name, position, type, content) VALUES (?, ?, ?, ?)`);
const pendingEdus = sql(
  `SELECT position, type, content FROM outgoing_edus WHERE server_name = ? AND position > ?
   ORDER BY position LIMIT ?`,
);
const countEdus = sql(
  `SELECT COUNT(*) AS count FROM (SELECT position FROM outgoing_edus WHERE server_name = ? LIMIT ?) AS first`,
);
const deleteEdus = sql(`DELETE FROM outgoing_edus WHERE server_name = ? AND position <= ?`);
const serversWithEdus = sql(
  `SELECT DISTINCT server_name FROM outgoing_edus WHERE server_name > ? ORDER BY server_name LIMIT ?`,
);

/** Events for a server with `after` < position <= `upTo`, oldest first. */
export function events(
  reader: Reader,
  server: ServerName,
  range: { after: number; upTo: number; limit: number },
): Promise<OutgoingEventRow[]> {
  return reader.all<OutgoingEventRow>(pendingEvents, server, range.after, range.upTo, range.limit);
}

/** Of the events for a server with `after` < position <= `upTo`, the newest of each room, oldest first. */
export function newestOfEachRoom(
  reader: Reader,
  server: ServerName,
  range: { after: number; upTo: number; limit: number },
): Promise<OutgoingEventRow[]> {
  return reader.all<OutgoingEventRow>(newestOfRooms, server, range.after, range.upTo, range.limit);
}

/** A place in the table `room_servers`, from which to read on. */
export interface RoomServerPlace {
  readonly server_name: string;
  readonly room_id: string;
}

/** Rooms of servers, after a place, and whether an event of the room waits for the server. */
export function waiting(
  reader: Reader,
  after: RoomServerPlace,
  limit: number,
): Promise<(RoomServerPlace & { server_name: ServerName; room_id: RoomId; waits: number | boolean })[]> {
  return reader.all(waitingServers, after.server_name, after.room_id, limit);
}

/** Notes that a server has taken all events for it up to a position, if this process holds the server's lease. */
export function taken(writer: Writer, server: ServerName, owner: string, position: number): void {
  writer.run(setPosition, position, server, owner, position);
}

/** Makes this process the one that sends to a server, until a time (milliseconds). The unit fails while another is. */
export function claim(writer: Writer, server: ServerName, lease: Lease): void {
  writer.guard(claimLease, server, lease.owner, lease.until, lease.now);
}

/** Prolongs every lease of a process that has not run out. */
export function renew(writer: Writer, lease: Lease): void {
  writer.run(renewLeases, lease.until, lease.owner, lease.now);
}

/** Until when some process is the one that sends to a server, in milliseconds; 0 when none is. */
export async function leasedUntil(reader: Reader, server: ServerName): Promise<number> {
  return (await reader.get<{ lease_until: number }>(leaseOf, server))?.lease_until ?? 0;
}

/** What a process has at a time (milliseconds), after a name, in the order of names. */
export async function held(
  reader: Reader,
  lease: { owner: string; now: number },
  after: string,
  limit: number,
): Promise<ServerName[]> {
  const rows = await reader.all<{ server_name: ServerName }>(
    heldLeases,
    lease.owner,
    lease.now,
    after,
    limit,
  );
  return rows.map((row) => row.server_name);
}

/** Gives up every lease of a process. */
export function release(writer: Writer, owner: string): void {
  writer.run(releaseLeases, owner);
}

/** Keeps ephemeral data for a server. */
export function addEdu(
  writer: Writer,
  server: ServerName,
  edu: { type: string; content: string },
  at: Position,
): void {
  writer.run(insertEdu, server, at, edu.type, edu.content);
}

/** Ephemeral data for a server that is kept after a position, oldest first. */
export function edus(
  reader: Reader,
  server: ServerName,
  after: number,
  limit: number,
): Promise<OutgoingEduRow[]> {
  return reader.all<OutgoingEduRow>(pendingEdus, server, after, limit);
}

/** How much ephemeral data is kept for a server, counted up to `most`. */
export async function countOfEdus(reader: Reader, server: ServerName, most: number): Promise<number> {
  return Number((await reader.get<{ count: number }>(countEdus, server, most))?.count ?? 0);
}

/** Removes what a server has taken. */
export function removeEdus(writer: Writer, server: ServerName, upTo: number): void {
  writer.run(deleteEdus, server, upTo);
}

/** Servers for which ephemeral data is kept, after one, in the order of their names. */
export async function serversOfEdus(reader: Reader, after: string, limit: number): Promise<ServerName[]> {
  const rows = await reader.all<{ server_name: ServerName }>(serversWithEdus, after, limit);
  return rows.map((row) => row.server_name);
}
