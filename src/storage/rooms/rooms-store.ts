import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

/** A row of the table `rooms`: where the room stands. */
export interface RoomRow {
  readonly room_id: string;
  readonly room_version: string;
  readonly creator: string;
  /** Counts the units of work that changed the room; guards writes against other writers. */
  readonly version: number;
  /** JSON array of event IDs. */
  readonly extremities: string;
  readonly depth: number;
  readonly state_root: Uint8Array;
  readonly joined_count: number;
  readonly invited_count: number;
  /** How many of the joined members are users of other servers. */
  readonly remote_joined: number;
  /** Position of the room's newest event. */
  readonly position: number;
  readonly published: number;
}

/** A room with what is known of its state: `unsettled` of `partial_rooms`, null where the whole state is here. */
export interface RoomRowWithState extends RoomRow {
  readonly unsettled: number | null;
}

/** What a unit of work changes of a room's row. */
export type RoomHeadRow = Pick<
  RoomRow,
  'room_id' | 'extremities' | 'depth' | 'state_root' | 'joined_count' | 'invited_count' | 'remote_joined'
>;

const roomById = sql(`SELECT * FROM rooms WHERE room_id = ?`);
const versionOfRoom = sql('SELECT version FROM rooms WHERE room_id = ?');
const roomWithState = sql(
  `SELECT rooms.*, partial_rooms.unsettled AS unsettled FROM rooms
   LEFT JOIN partial_rooms ON partial_rooms.room_id = rooms.room_id AND partial_rooms.completed_at IS NULL
   WHERE rooms.room_id = ?`,
);
const countsById = sql(`SELECT joined_count, invited_count FROM rooms WHERE room_id = ?`);
const insertRoom = sql(
  `INSERT INTO rooms (room_id, room_version, creator, version, extremities, depth, state_root, joined_count,
     invited_count, remote_joined, position) VALUES (?, ?, ?, 1, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
);
const updateRoom = sql(
  `UPDATE rooms SET version = version + 1, extremities = ?, depth = ?, state_root = ?, joined_count = ?,
     invited_count = ?, remote_joined = ?, position = ? WHERE room_id = ? AND version = ? AND extremities = ?`,
);
const updateRoomHead = sql(
  `UPDATE rooms SET version = version + 1, extremities = ?, depth = ?, position = ?
   WHERE room_id = ? AND version = ? AND extremities = ?`,
);
const setPublished = sql(`UPDATE rooms SET published = ? WHERE room_id = ?`);
const AFTER = `(joined_count < ? OR (joined_count = ? AND room_id > ?))`;
const BEFORE = `(joined_count > ? OR (joined_count = ? AND room_id < ?))`;
const DOWN = `ORDER BY joined_count DESC, room_id`;
const UP = `ORDER BY joined_count, room_id DESC`;
/** Somebody of this server is in it: what is known of any other room is of the past. */
const ALIVE = `joined_count > remote_joined`;
const LISTED = `published = 1 AND ${ALIVE}`;
/** Rooms that only networks list. */
const ONLY_IN_NETWORKS = `published = 0 AND ${ALIVE} AND room_id IN (SELECT room_id FROM network_rooms)`;
const publishedRooms = {
  after: sql(`SELECT * FROM rooms WHERE ${LISTED} AND ${AFTER} ${DOWN} LIMIT ?`),
  before: sql(`SELECT * FROM rooms WHERE ${LISTED} AND ${BEFORE} ${UP} LIMIT ?`),
};
const publishedAnywhere = { after: anywhere(AFTER, DOWN), before: anywhere(BEFORE, UP) };

function anywhere(place: string, order: string): ReturnType<typeof sql> {
  return sql(
    `SELECT * FROM (SELECT * FROM rooms WHERE ${LISTED} AND ${place} ${order} LIMIT ?) AS own
     UNION ALL
     SELECT * FROM rooms WHERE ${ONLY_IN_NETWORKS} AND ${place}
     ${order} LIMIT ?`,
  );
}

const countPublished = sql(`SELECT COUNT(*) AS count FROM rooms WHERE ${LISTED}`);
const countOnlyInNetworks = sql(`SELECT COUNT(*) AS count FROM rooms WHERE ${ONLY_IN_NETWORKS}`);

/** How many are in a room, and how many are invited. */
export async function memberCounts(
  reader: Reader,
  roomId: RoomId,
): Promise<{ joined: number; invited: number }> {
  const row = await reader.get<{ joined_count: number; invited_count: number }>(countsById, roomId);
  return { joined: row?.joined_count ?? 0, invited: row?.invited_count ?? 0 };
}

/** The room, or undefined. */
export function byId(reader: Reader, roomId: RoomId): Promise<RoomRow | undefined> {
  return reader.get<RoomRow>(roomById, roomId);
}

/** The room with what is known of its state, or undefined. */
export function withState(reader: Reader, roomId: RoomId): Promise<RoomRowWithState | undefined> {
  return reader.get<RoomRowWithState>(roomWithState, roomId);
}

/** How many units of work the room has had; undefined for an unknown room. */
export async function versionOf(reader: Reader, roomId: RoomId): Promise<number | undefined> {
  return (await reader.get<{ version: number }>(versionOfRoom, roomId))?.version;
}

/** Adds a new room; the unit fails when the room exists. */
export function insert(
  writer: Writer,
  row: RoomHeadRow & { room_version: string; creator: UserId },
  newest: Position,
): void {
  writer.guard(
    insertRoom,
    row.room_id,
    row.room_version,
    row.creator,
    row.extremities,
    row.depth,
    row.state_root,
    row.joined_count,
    row.invited_count,
    row.remote_joined,
    newest,
  );
}

/**
 * What a unit was decided on. The version alone would not do: a unit that failed and the one by which another process
 * overtook it have the same, and what was decided on the first must not be written after the second.
 */
export interface RoomGuard {
  readonly version: number;
  /** JSON text. */
  readonly extremities: string;
}

/** Moves the room on, if it still is where the unit was decided; else the unit fails. */
export function advance(writer: Writer, row: RoomHeadRow, before: RoomGuard, newest: Position): void {
  writer.guard(
    updateRoom,
    row.extremities,
    row.depth,
    row.state_root,
    row.joined_count,
    row.invited_count,
    row.remote_joined,
    newest,
    row.room_id,
    before.version,
    before.extremities,
  );
}

/** `advance` for a unit that changes no state. */
export function advanceTimeline(
  writer: Writer,
  row: Pick<RoomHeadRow, 'room_id' | 'extremities' | 'depth'>,
  before: RoomGuard,
  newest: Position,
): void {
  const { version, extremities } = before;
  writer.guard(updateRoomHead, row.extremities, row.depth, newest, row.room_id, version, extremities);
}

/** Lists the room in the directory, or takes it out. */
export function publish(writer: Writer, roomId: RoomId, published: boolean): void {
  writer.run(setPublished, published ? 1 : 0, roomId);
}

/** A place in the directory: beside a room. */
export interface DirectoryPlace {
  readonly side: 'after' | 'before';
  readonly joinedCount: number;
  readonly roomId: string;
}

/**
 * Rooms of the directory from a place on, those nearest to it first. Those with most members are the first of all; rooms that
 * everybody of this server left are not listed.
 */
export function published(reader: Reader, place: DirectoryPlace, limit: number): Promise<RoomRow[]> {
  const { side, joinedCount: count, roomId } = place;
  return reader.all<RoomRow>(publishedRooms[side], count, count, roomId, limit);
}

/** The same with the rooms in the directories of application services' networks. */
export function publishedInAllNetworks(
  reader: Reader,
  place: DirectoryPlace,
  limit: number,
): Promise<RoomRow[]> {
  const { side, joinedCount: count, roomId } = place;
  const from = [count, count, roomId] as const;
  return reader.all<RoomRow>(publishedAnywhere[side], ...from, limit, ...from, limit);
}

/** How many rooms the directory lists. */
export async function publishedCount(reader: Reader): Promise<number> {
  return (await reader.get<{ count: number }>(countPublished))?.count ?? 0;
}

/** The same with those of `publishedInAllNetworks`. */
export async function publishedInAllNetworksCount(reader: Reader): Promise<number> {
  const more = (await reader.get<{ count: number }>(countOnlyInNetworks))?.count ?? 0;
  return (await publishedCount(reader)) + more;
}
