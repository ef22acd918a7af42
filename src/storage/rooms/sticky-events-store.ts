import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

/** A sticky event and its place in the log. */
export interface StickyRow {
  readonly event_id: EventId;
  readonly position: number;
}

const insertOne = sql(
  `INSERT INTO sticky_events (room_id, position, event_id, expires_at) VALUES (?, ?, ?, ?)`,
);
const removeExpired = sql(`DELETE FROM sticky_events WHERE expires_at <= ?`);
const inRoom = sql(
  `SELECT event_id, position FROM sticky_events
   WHERE room_id = ? AND position > ? AND position <= ? AND expires_at > ? ORDER BY position LIMIT ?`,
);
const roomsWithAny = sql(
  `SELECT room_id, MAX(expires_at) AS expires_at FROM sticky_events WHERE expires_at > ? GROUP BY room_id`,
);

/** Adds an event that is sticky until a time, in ms since the epoch, and drops those that are so no more. */
export function insert(
  writer: Writer,
  event: { roomId: RoomId; eventId: EventId; expiresAt: number },
  at: { position: Position; now: number },
): void {
  writer.run(removeExpired, at.now);
  writer.run(insertOne, event.roomId, at.position, event.eventId, event.expiresAt);
}

/** Sticky events of a room after a position and up to another, the oldest first. */
export function between(
  reader: Reader,
  roomId: RoomId,
  range: { after: number; upTo: number; limit: number },
  now: number,
): Promise<StickyRow[]> {
  return reader.all<StickyRow>(inRoom, roomId, range.after, range.upTo, now, range.limit);
}

/** The rooms that have sticky events, and until when. */
export function rooms(reader: Reader, now: number): Promise<{ room_id: RoomId; expires_at: number }[]> {
  return reader.all<{ room_id: RoomId; expires_at: number }>(roomsWithAny, now);
}
