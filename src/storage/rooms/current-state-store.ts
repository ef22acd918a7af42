import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { EVENT_COLUMNS, type EventRow } from './events-store.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

/** What an entry of the current state says. */
export interface StateContentRow {
  readonly state_key: string;
  /** JSON text. */
  readonly content: string;
}

/**
 * The type of an entry, of statements that are given one. SQLite has an index of the entries of one type alone, and makes its
 * plan anew for each type that such a statement is given, unless it is given as an expression: ten times the work of the rest.
 */
const OF_TYPE = `current_state.type = CAST(? AS TEXT)`;
const upsertState = sql(
  `INSERT INTO current_state (room_id, type, state_key, position) VALUES (?, ?, ?, ?)
   ON CONFLICT (room_id, type, state_key) DO UPDATE SET position = excluded.position`,
);
const upsertKnownState = sql(
  `INSERT INTO current_state (room_id, type, state_key, position)
   SELECT room_id, type, state_key, position FROM events WHERE event_id = ?
   ON CONFLICT (room_id, type, state_key) DO UPDATE SET position = excluded.position`,
);
const insertKnownState = sql(
  `INSERT INTO current_state (room_id, type, state_key, position)
   SELECT room_id, type, state_key, position FROM events WHERE event_id = ? ON CONFLICT DO NOTHING`,
);
const followState = sql(
  `UPDATE current_state SET position = ? WHERE room_id = ? AND ${OF_TYPE} AND state_key = ?
     AND position = (SELECT position FROM events WHERE event_id = ?)`,
);
const deleteState = sql(`DELETE FROM current_state WHERE room_id = ? AND ${OF_TYPE} AND state_key = ?`);
const stateEntry = sql(
  `SELECT ${EVENT_COLUMNS} FROM current_state JOIN events ON events.position = current_state.position
   WHERE current_state.room_id = ? AND ${OF_TYPE} AND current_state.state_key = ?`,
);
const positionOfState = sql(
  `SELECT position FROM current_state WHERE room_id = ? AND ${OF_TYPE} AND state_key = ?`,
);
const stateOfType = sql(
  `SELECT ${EVENT_COLUMNS} FROM current_state JOIN events ON events.position = current_state.position
   WHERE current_state.room_id = ? AND ${OF_TYPE} AND current_state.state_key > ?
   ORDER BY current_state.state_key LIMIT ?`,
);
const contentOfType = sql(
  `SELECT current_state.state_key AS state_key, events.content AS content
   FROM current_state JOIN events ON events.position = current_state.position
   WHERE current_state.room_id = ? AND ${OF_TYPE} AND current_state.state_key > ?
   ORDER BY current_state.state_key LIMIT ?`,
);
const stateButMembers = sql(
  `SELECT ${EVENT_COLUMNS} FROM current_state JOIN events ON events.position = current_state.position
   WHERE current_state.room_id = ? AND current_state.type < 'm.room.member'
   UNION ALL
   SELECT ${EVENT_COLUMNS} FROM current_state JOIN events ON events.position = current_state.position
   WHERE current_state.room_id = ? AND current_state.type > 'm.room.member'`,
);
const oneBeyond = sql(
  `SELECT state_key FROM current_state WHERE room_id = ? AND ${OF_TYPE} ORDER BY state_key LIMIT 1 OFFSET ?`,
);

/** Makes the event at a position the current state of its key. */
export function setState(writer: Writer, roomId: RoomId, type: string, stateKey: string, at: Position): void {
  writer.run(upsertState, roomId, type, stateKey, at);
}

/** Makes a state event that is kept already, in the timeline or beside it, the current state of its key. */
export function setKnownState(writer: Writer, eventId: EventId): void {
  writer.run(upsertKnownState, eventId);
}

/** As `setKnownState`, where the key has no event. */
export function addKnownState(writer: Writer, eventId: EventId): void {
  writer.run(insertKnownState, eventId);
}

/** Where the event is current state, lets that follow it to the position to which it is about to move. */
export function followMoved(
  writer: Writer,
  event: { eventId: EventId; roomId: RoomId; type: string; stateKey: string },
  to: Position,
): void {
  writer.run(followState, to, event.roomId, event.type, event.stateKey, event.eventId);
}

/** Leaves a key of the current state without an event. */
export function removeState(writer: Writer, roomId: RoomId, type: string, stateKey: string): void {
  writer.run(deleteState, roomId, type, stateKey);
}

/** One entry of the current state. */
export function state(
  reader: Reader,
  roomId: RoomId,
  type: string,
  stateKey: string,
): Promise<EventRow | undefined> {
  return reader.get<EventRow>(stateEntry, roomId, type, stateKey);
}

/** Position of the event of one entry of the current state; undefined where there is none. */
export async function statePosition(
  reader: Reader,
  roomId: RoomId,
  type: string,
  stateKey: string,
): Promise<number | undefined> {
  return (await reader.get<{ position: number }>(positionOfState, roomId, type, stateKey))?.position;
}

/** Entries of one type of the current state, by state key, after `after`. */
export function statesOfType(
  reader: Reader,
  roomId: RoomId,
  type: string,
  after: string,
  limit: number,
): Promise<EventRow[]> {
  return reader.all<EventRow>(stateOfType, roomId, type, after, limit);
}

/** What entries of one type of the current state say, as JSON, by state key, after `after`. */
export function contentsOfType(
  reader: Reader,
  roomId: RoomId,
  type: string,
  after: string,
  limit: number,
): Promise<StateContentRow[]> {
  return reader.all<StateContentRow>(contentOfType, roomId, type, after, limit);
}

/** The current state of a room but for its members. */
export function stateWithoutMembers(reader: Reader, roomId: RoomId): Promise<EventRow[]> {
  return reader.all<EventRow>(stateButMembers, roomId, roomId);
}

/** Whether the current state of a room has more than so many entries of a type. */
export async function hasMoreOf(
  reader: Reader,
  roomId: RoomId,
  type: string,
  count: number,
): Promise<boolean> {
  return (await reader.get(oneBeyond, roomId, type, count)) !== undefined;
}
