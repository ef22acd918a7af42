import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { EVENT_COLUMNS, type EventRow } from './events-store.ts';
import { sql } from '../sql.ts';
import { BEFORE_HISTORY } from '../unit-of-work.ts';

/*
 * What changes of events that are judged a second time (`rooms/appending/second-judgement.ts`).
 */

const replaceStates = sql(`UPDATE events SET state_root = ?, room_root = ?, replaces = ? WHERE event_id = ?`);
const rejectEvent = sql(
  `UPDATE events SET position = ${BEFORE_HISTORY} - position, refused = 'rejected' WHERE event_id = ? AND position > 0`,
);
const refusedEvents = sql(
  `SELECT ${EVENT_COLUMNS} FROM events WHERE room_id = ? AND position < ${BEFORE_HISTORY} - CAST(? AS BIGINT)
     AND refused IS NOT NULL AND length(state_root) > 0`,
);

/** Sets what is known of the states around an event, where that is more than before. */
export function setStates(
  writer: Writer,
  row: Pick<EventRow, 'event_id' | 'state_root' | 'room_root' | 'replaces'>,
): void {
  writer.run(replaceStates, row.state_root, row.room_root, row.replaces, row.event_id);
}

/** Takes an event out of the timeline that should not have come into it. */
export function reject(writer: Writer, eventId: EventId): void {
  writer.run(rejectEvent, eventId);
}

/** Events of a room that were refused after a position of the log, of which the state before them is known. */
export function refusedAfter(reader: Reader, roomId: RoomId, position: number): Promise<EventRow[]> {
  return reader.all<EventRow>(refusedEvents, roomId, position);
}
