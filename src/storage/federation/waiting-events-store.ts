import type { EventId, RoomId, ServerName } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** A row of the table `waiting_events`. */
export interface WaitingEventRow {
  readonly room_id: RoomId;
  readonly event_id: EventId;
  /** Who sent it. */
  readonly origin: ServerName;
  /** How often it was looked at again; below zero while its room's whole state is not here. */
  readonly tries: number;
  /** When it is looked at next at the latest, in milliseconds. */
  readonly next_at: number;
  readonly depth: number;
  /** As it came: JSON. */
  readonly pdu: string;
}

/** Events of one room that were looked at equally often. */
export interface WaitingGroup {
  readonly room_id: RoomId;
  readonly tries: number;
  readonly next_at: number;
}

const insert = sql(
  `INSERT INTO waiting_events (room_id, event_id, origin, tries, next_at, depth, pdu) VALUES (?, ?, ?, ?, ?, ?, ?)
   ON CONFLICT DO NOTHING`,
);
const countOfOrigin = sql(
  `SELECT COUNT(*) AS count FROM (SELECT 1 AS one FROM waiting_events WHERE origin = ? LIMIT ?) AS counted`,
);
const groupRows = sql(
  `SELECT * FROM waiting_events WHERE room_id = ? AND tries = ? ORDER BY depth, event_id LIMIT ?`,
);
const groups = sql(
  `SELECT room_id, tries, MIN(next_at) AS next_at FROM waiting_events WHERE next_at <= ? AND (tries >= 0 OR NOT EXISTS (
     SELECT 1 FROM partial_rooms WHERE partial_rooms.room_id = waiting_events.room_id AND completed_at IS NULL
   )) GROUP BY room_id, tries ORDER BY MIN(next_at) LIMIT ?`,
);
const takeOne = sql(
  `UPDATE waiting_events SET tries = ?, next_at = ? WHERE room_id = ? AND event_id = ? AND origin = ? AND tries = ?`,
);
const removeUntilWhole = sql(`DELETE FROM waiting_events WHERE room_id = ? AND tries < 0`);
const removeOne = sql(`DELETE FROM waiting_events WHERE room_id = ? AND event_id = ? AND origin = ?`);

/** Keeps an event until it could be judged. One that is kept of the same server stays as it is. */
export function keep(writer: Writer, row: WaitingEventRow): void {
  const { room_id, event_id, origin, tries, next_at, depth, pdu } = row;
  writer.run(insert, room_id, event_id, origin, tries, next_at, depth, pdu);
}

/** How many events of a server are kept, counted up to a limit. */
export async function countOf(reader: Reader, origin: ServerName, limit: number): Promise<number> {
  const row = await reader.get<{ count: number | string }>(countOfOrigin, origin, limit);
  return Number(row?.count ?? 0);
}

/** Events of a room that were looked at so often, by rising depth. */
export function ofGroup(
  reader: Reader,
  roomId: RoomId,
  tries: number,
  limit: number,
): Promise<WaitingEventRow[]> {
  return reader.all<WaitingEventRow>(groupRows, roomId, tries, limit);
}

/**
 * What waits and is to be looked at until a time, in milliseconds, the longest overdue first. What waits for the whole state of
 * its room is left out as long as that is not here.
 */
export function due(reader: Reader, until: number, limit: number): Promise<WaitingGroup[]> {
  return reader.all<WaitingGroup>(groups, until, limit);
}

/** Notes that an event is looked at again, and when next. The unit fails where another process does so already. */
export function take(
  writer: Writer,
  { room_id, event_id, origin, tries }: WaitingEventRow,
  next: { readonly tries: number; readonly at: number },
): void {
  writer.guard(takeOne, next.tries, next.at, room_id, event_id, origin, tries);
}

/** What waits for the whole state of a room is given up. */
export function removeAllUntilWhole(writer: Writer, roomId: RoomId): void {
  writer.run(removeUntilWhole, roomId);
}

/** It was judged as this server sent it, or is given up. */
export function remove(
  writer: Writer,
  { room_id, event_id, origin }: Pick<WaitingEventRow, 'room_id' | 'event_id' | 'origin'>,
): void {
  writer.run(removeOne, room_id, event_id, origin);
}
