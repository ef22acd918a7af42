import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { inSlots, slots } from '../slots.ts';
import { sql } from '../sql.ts';

/** An event that the timeline follows on and that is not in it. */
export interface HistoryGap {
  readonly event_id: EventId;
  /** Of the event that follows. */
  readonly depth: number;
}

const insertGap = sql(
  `INSERT INTO history_gaps (room_id, event_id, depth) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
);
const deleteGap = sql(`DELETE FROM history_gaps WHERE room_id = ? AND event_id = ?`);
const oneGap = sql(`SELECT event_id, depth FROM history_gaps WHERE room_id = ? AND event_id = ?`);
const MANY = 50;
const SLOTS = slots(MANY);
const gapsAmong = sql(`SELECT event_id FROM history_gaps WHERE room_id = ? AND event_id IN (${SLOTS})`);
const gapsInTurn = sql(
  `SELECT event_id, depth FROM history_gaps WHERE room_id = ? ORDER BY in_vain, depth DESC, event_id LIMIT ?`,
);
const countInVain = sql(
  `UPDATE history_gaps SET in_vain = in_vain + 1 WHERE room_id = ? AND event_id IN (${SLOTS})`,
);

/** Notes that history before an event of this depth is missing. */
export function open(writer: Writer, roomId: RoomId, eventId: EventId, depth: number): void {
  writer.run(insertGap, roomId, eventId, depth);
}

/** Notes that the event is in the timeline now, or will never be. */
export function close(writer: Writer, roomId: RoomId, eventId: EventId): void {
  writer.run(deleteGap, roomId, eventId);
}

/** Whether the timeline follows on the event without having it. */
export async function isOpen(reader: Reader, roomId: RoomId, eventId: EventId): Promise<boolean> {
  return (await reader.get(oneGap, roomId, eventId)) !== undefined;
}

/** Those of the events that the timeline follows on without having them. */
export async function among(
  reader: Reader,
  roomId: RoomId,
  eventIds: readonly EventId[],
): Promise<EventId[]> {
  const found: EventId[] = [];
  for (const part of inSlots(eventIds, MANY)) {
    const rows = await reader.all<{ event_id: EventId }>(gapsAmong, roomId, ...part);
    for (const row of rows) found.push(row.event_id);
  }
  return found;
}

/** Notes that nobody who was asked for these had them: they come after those that were asked for less often. */
export function askedInVain(writer: Writer, roomId: RoomId, eventIds: readonly EventId[]): void {
  for (const part of inSlots(eventIds, MANY)) writer.run(countInVain, roomId, ...part);
}

/** The gaps of a room's history from which to go on: those that were asked for in vain least often, of these the newest. */
export function inTurn(reader: Reader, roomId: RoomId, limit: number): Promise<HistoryGap[]> {
  return reader.all<HistoryGap>(gapsInTurn, roomId, limit);
}
