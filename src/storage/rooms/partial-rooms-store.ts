import type { EventId, RoomId, ServerName } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

/** A row of the table `partial_rooms`. */
export interface PartialRoomRow {
  readonly room_id: RoomId;
  readonly join_event_id: EventId;
  /** JSON array of the servers that were in the room when it was joined. */
  readonly servers: string;
  /** Root of the state that was known before the join, and after it. */
  readonly before_root: Uint8Array;
  readonly join_root: Uint8Array;
  /** Where in the log the whole state came; null as long as it has not. */
  readonly completed_at: number | null;
  /** Bytes of the events that came since the join, as they are counted in memory (`rooms/appending/unsettled-events.ts`). */
  readonly unsettled: number;
}

const insertRoom = sql(
  `INSERT INTO partial_rooms (room_id, join_event_id, servers, before_root, join_root) VALUES (?, ?, ?, ?, ?)`,
);
const setCompleted = sql(
  `UPDATE partial_rooms SET completed_at = ? WHERE room_id = ? AND completed_at IS NULL`,
);
const stayPartial = sql(
  `UPDATE partial_rooms SET completed_at = NULL WHERE room_id = ? AND completed_at IS NULL`,
);
const moreUnsettled = sql(
  `UPDATE partial_rooms SET unsettled = unsettled + ? WHERE room_id = ? AND completed_at IS NULL`,
);
const oneRoom = sql(`SELECT * FROM partial_rooms WHERE room_id = ?`);
const joinPosition = sql(
  `SELECT events.position AS position FROM partial_rooms
   JOIN events ON events.event_id = partial_rooms.join_event_id WHERE partial_rooms.room_id = ?`,
);
const allRooms = sql(`SELECT * FROM partial_rooms`);

/** Notes that a room is here without its whole state. */
export function insert(
  writer: Writer,
  row: {
    roomId: RoomId;
    joinEventId: EventId;
    servers: readonly ServerName[];
    beforeRoot: Uint8Array;
    joinRoot: Uint8Array;
  },
): void {
  writer.run(
    insertRoom,
    row.roomId,
    row.joinEventId,
    JSON.stringify(row.servers),
    row.beforeRoot,
    row.joinRoot,
  );
}

/** The unit fails where the whole state is here. */
export function assertPartial(writer: Writer, roomId: RoomId): void {
  writer.guard(stayPartial, roomId);
}

/** Notes that the whole state is here. */
export function complete(writer: Writer, roomId: RoomId, at: Position): void {
  writer.run(setCompleted, at, roomId);
}

/** Notes that more bytes of events came into a room whose whole state has not come. */
export function addUnsettled(writer: Writer, roomId: RoomId, bytes: number): void {
  writer.run(moreUnsettled, bytes, roomId);
}

/** The row of a room. */
export function of(reader: Reader, roomId: RoomId): Promise<PartialRoomRow | undefined> {
  return reader.get<PartialRoomRow>(oneRoom, roomId);
}

/** Where in the log a room was joined without its whole state; undefined for one that was not. */
export async function beginningOf(reader: Reader, roomId: RoomId): Promise<number | undefined> {
  return (await reader.get<{ position: number }>(joinPosition, roomId))?.position;
}

/** The servers that were in a room when it was joined without its whole state, as far as they were named. */
export async function serversOf(reader: Reader, roomId: RoomId): Promise<ServerName[]> {
  const row = await of(reader, roomId);
  return row ? (JSON.parse(row.servers) as ServerName[]) : [];
}

/** All rows. */
export function all(reader: Reader): Promise<PartialRoomRow[]> {
  return reader.all<PartialRoomRow>(allRooms);
}
