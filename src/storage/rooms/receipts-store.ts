import type { EventId, RoomId, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { slots } from '../slots.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

/** A row of the table `receipts`. The thread is empty for a receipt that concerns all threads. */
export interface ReceiptRow {
  readonly room_id: string;
  readonly user_id: string;
  readonly type: string;
  readonly thread_id: string;
  readonly event_id: string;
  /** Position of the event in the log; receipts never go back. */
  readonly event_position: number;
  readonly ts: number;
  readonly position: number;
  /** What else was said of it, as JSON. */
  readonly extra: string | null;
}

const changedReceipts = sql(
  `SELECT * FROM receipts WHERE room_id = ? AND position > ? AND position <= ? AND (type = 'm.read' OR user_id = ?)
   ORDER BY CASE WHEN user_id = ? THEN 0 ELSE 1 END, position DESC LIMIT ?`,
);
/** Rooms that one statement reads, and rows of each: who gets as many has to ask for that room alone. */
export const ROOMS_AT_ONCE = 16;
export const ROWS_OF_ROOM = 500;
const ofSeveralRooms = sql(
  `SELECT room_id, user_id, type, thread_id, event_id, event_position, ts, position, extra FROM (
     SELECT receipts.*, ROW_NUMBER() OVER (PARTITION BY room_id) AS place FROM receipts
     WHERE room_id IN (${slots(ROOMS_AT_ONCE)})
       AND position <= ? AND (type = 'm.read' OR user_id = ?)) AS found
   WHERE place <= ${ROWS_OF_ROOM}`,
);
const atEvents = sql(
  `SELECT * FROM receipts WHERE room_id = ?
   AND (user_id = ? OR (type = 'm.read' AND (position > ? OR (event_position >= ? AND event_position <= ?))))
   ORDER BY CASE WHEN user_id = ? THEN 0 ELSE 1 END, position DESC LIMIT ?`,
);
const ofUserInRoom = sql(`SELECT * FROM receipts WHERE room_id = ? AND user_id = ?`);
const upsert = sql(
  `INSERT INTO receipts (room_id, user_id, type, thread_id, event_id, event_position, ts, position, extra)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)
   ON CONFLICT (room_id, user_id, type, thread_id) DO UPDATE SET event_id = excluded.event_id,
     event_position = excluded.event_position, ts = excluded.ts, position = excluded.position,
     extra = excluded.extra
   WHERE excluded.event_position > receipts.event_position`,
);

/**
 * Receipts of a room that changed after a position and not after another, as one user may see them: the user's own, then
 * the newest public ones, `limit` in all.
 */
export function changed(
  reader: Reader,
  roomId: RoomId,
  userId: UserId,
  range: { after: number; upTo: number; limit: number },
): Promise<ReceiptRow[]> {
  return reader.all<ReceiptRow>(
    changedReceipts,
    roomId,
    range.after,
    range.upTo,
    userId,
    userId,
    range.limit,
  );
}

/**
 * Receipts of at most `ROOMS_AT_ONCE` rooms up to a position, as one user may see them: of each room all, or any
 * `ROWS_OF_ROOM` if there are more.
 */
export function ofRooms(
  reader: Reader,
  rooms: readonly RoomId[],
  userId: UserId,
  upTo: number,
): Promise<ReceiptRow[]> {
  const some = Array.from({ length: ROOMS_AT_ONCE }, (_, i) => rooms[i] ?? '');
  return reader.all<ReceiptRow>(ofSeveralRooms, ...some, upTo, userId);
}

/**
 * The user's own receipts in a room, then public ones at events of a stretch of the log or that moved after a position,
 * newest first.
 */
export function at(
  reader: Reader,
  roomId: RoomId,
  userId: UserId,
  range: { from: number; upTo: number; movedAfter: number; limit: number },
): Promise<ReceiptRow[]> {
  const { from, upTo, movedAfter, limit } = range;
  return reader.all<ReceiptRow>(atEvents, roomId, userId, movedAfter, from, upTo, userId, limit);
}

/** The user's own receipts in a room: one for each type and thread. */
export function ofUser(reader: Reader, roomId: RoomId, userId: UserId): Promise<ReceiptRow[]> {
  return reader.all<ReceiptRow>(ofUserInRoom, roomId, userId);
}

/** Moves a receipt forward; the unit fails when it is at the event already, or past it. */
export function advance(
  writer: Writer,
  receipt: {
    roomId: RoomId;
    userId: UserId;
    type: string;
    threadId: string;
    eventId: EventId;
    eventPosition: number;
    ts: number;
    extra: string | null;
  },
  at: Position,
): void {
  const { roomId, userId, type, threadId, eventId, eventPosition, ts, extra } = receipt;
  writer.guard(upsert, roomId, userId, type, threadId, eventId, eventPosition, ts, at, extra);
}
