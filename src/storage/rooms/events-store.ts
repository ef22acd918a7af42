import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import type { Reader, SqlParameter, Writer } from '../database.ts';
import { inSlots, slots } from '../slots.ts';
import { sql } from '../sql.ts';
import { BEFORE_HISTORY, type Position } from '../unit-of-work.ts';

/** A row of the table `events`. `content` and `envelope` are canonical JSON text. */
export interface EventRow {
  readonly position: number;
  readonly event_id: string;
  readonly room_id: string;
  readonly type: string;
  readonly state_key: string | null;
  readonly sender: string;
  readonly origin_server_ts: number;
  readonly content: string;
  /** What of the PDU has no column of its own: auth_events, prev_events, depth, hashes, signatures … */
  readonly envelope: string;
  /** Root of the room state after the event. */
  readonly state_root: Uint8Array;
  /** The state event of the same key that this one replaced. */
  readonly replaces: string | null;
  readonly redacted_by: string | null;
  /** Device and transaction ID of a local sender, as `encodeTransaction` writes them. */
  readonly txn: string | null;
  /** Of state events, how far they are from the start of the room along auth events (`authDepthFrom`); else null. */
  readonly auth_depth: number | null;
  /** The room's state once the event was added, where the room had forked and it is not `state_root`. */
  readonly room_root: Uint8Array | null;
  /** Why the event is in no timeline although the state at it is known; null also for what nobody judged yet. */
  readonly refused: 'rejected' | 'soft-failed' | null;
}

/** Columns of an event, for statements that join the table. */
export const EVENT_COLUMNS = `events.position AS position, events.event_id AS event_id, events.room_id AS room_id,
  events.type AS type, events.state_key AS state_key, events.sender AS sender,
  events.origin_server_ts AS origin_server_ts, events.content AS content, events.envelope AS envelope,
  events.state_root AS state_root, events.replaces AS replaces, events.redacted_by AS redacted_by,
  events.txn AS txn, events.auth_depth AS auth_depth, events.room_root AS room_root, events.refused AS refused`;

const COLUMNS = `position, event_id, room_id, type, state_key, sender, origin_server_ts, content, envelope,
  state_root, replaces, redacted_by, txn, auth_depth, room_root, refused`;
const MANY = 50;
const SLOTS = slots(MANY);

const insertEvent = sql(
  `INSERT INTO events (${COLUMNS}, outgoing) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
);
const upsertAside = sql(
  `INSERT INTO events (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
   ON CONFLICT (event_id) DO UPDATE SET state_root = excluded.state_root, refused = excluded.refused,
     replaces = excluded.replaces, auth_depth = COALESCE(excluded.auth_depth, events.auth_depth)
   WHERE events.position <= ${BEFORE_HISTORY} AND events.refused IS NULL
     AND (length(events.state_root) = 0 OR excluded.refused IS NOT NULL)`,
);
const placeEvent = sql(
  `INSERT INTO events (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
   ON CONFLICT (event_id) DO UPDATE SET position = excluded.position, content = excluded.content,
     envelope = excluded.envelope, state_root = excluded.state_root, replaces = excluded.replaces,
     redacted_by = excluded.redacted_by, auth_depth = excluded.auth_depth, room_root = excluded.room_root,
     refused = NULL
   WHERE events.position <= ${BEFORE_HISTORY}`,
);
const eventById = sql(`SELECT ${COLUMNS} FROM events WHERE event_id = ?`);
const notedEvent = sql(
  `SELECT 1 AS noted WHERE EXISTS (SELECT 1 FROM events WHERE event_id = ?)
     OR EXISTS (SELECT 1 FROM history_gaps WHERE room_id = ? AND event_id = ?)
     OR EXISTS (SELECT 1 FROM awaited_redactions WHERE target_id = ?)`,
);
const eventsByIds = sql(`SELECT ${COLUMNS} FROM events WHERE event_id IN (${SLOTS})`);
const deeperEvents = sql(`SELECT event_id, type, state_key FROM events WHERE room_id = ? AND auth_depth > ?`);
const eventByPosition = sql(`SELECT ${COLUMNS} FROM events WHERE position = ?`);
const eventsByPositions = sql(`SELECT ${COLUMNS} FROM events WHERE position IN (${SLOTS})`);
const eventsForward = sql(
  `SELECT ${COLUMNS} FROM events WHERE room_id = ? AND position > ? AND position <= ? ORDER BY position LIMIT ?`,
);
const eventsBackward = sql(
  `SELECT ${COLUMNS} FROM events WHERE room_id = ? AND position > ? AND position <= ?
   ORDER BY position DESC LIMIT ?`,
);
const positionsForward = sql(
  `SELECT position FROM events WHERE room_id = ? AND position > ? AND position <= ? ORDER BY position LIMIT ?`,
);
const positionsBackward = sql(
  `SELECT position FROM events WHERE room_id = ? AND position > ? AND position <= ?
   ORDER BY position DESC LIMIT ?`,
);
const eventsAnywhere = sql(
  `SELECT ${COLUMNS} FROM events WHERE position > ? AND position <= ? ORDER BY position LIMIT ?`,
);
const positionOfEarlier = sql(
  `SELECT position FROM events WHERE room_id = ? AND position > ? AND position <= ?
   ORDER BY position DESC LIMIT 1 OFFSET ?`,
);
const eventsLater = sql(
  `SELECT ${COLUMNS} FROM events WHERE room_id = ? AND (origin_server_ts, position) > (?, ?)
     AND position > ${BEFORE_HISTORY}
   ORDER BY origin_server_ts, position LIMIT ?`,
);
const eventsEarlier = sql(
  `SELECT ${COLUMNS} FROM events WHERE room_id = ? AND (origin_server_ts, position) < (?, ?)
     AND position > ${BEFORE_HISTORY}
   ORDER BY origin_server_ts DESC, position DESC LIMIT ?`,
);
/** Types of events for which people look into a room (MSC4186, `bump_stamp`). */
export const ACTIVITY_TYPES: readonly string[] = [
  'm.room.create',
  'm.room.message',
  'm.room.encrypted',
  'm.sticker',
  'm.call.invite',
  'm.poll.start',
  'm.beacon_info',
];
const newestOfActivity = sql(
  `SELECT position FROM events WHERE room_id = ? AND position <= ?
   AND type IN (${ACTIVITY_TYPES.map((type) => `'${type}'`).join(', ')}) ORDER BY position DESC LIMIT 1`,
);
const replaceContent = sql(`UPDATE events SET content = ?, envelope = ?, redacted_by = ? WHERE event_id = ?`);
const setOutgoing = sql(`UPDATE events SET outgoing = 1 WHERE position = ?`);

/** An event to be written: a row without its position. */
export type NewEventRow = Omit<EventRow, 'position'>;

/** Adds an event at a position; `outgoing`: one to be sent to the other servers in its room. */
export function insert(writer: Writer, row: NewEventRow, at: Position, outgoing: boolean): void {
  writer.run(insertEvent, ...parametersOf(row, at), outgoing ? 1 : null);
}

/** Keeps an event beside the timelines. Of one that is kept so already, only what was not known is written. */
export function keepAside(writer: Writer, row: NewEventRow, at: Position): void {
  writer.run(upsertAside, ...parametersOf(row, at.aside));
}

/** Adds an event at a position, or moves it there if it was kept beside the timelines. One that is in one stays. */
export function place(writer: Writer, row: NewEventRow, at: Position): void {
  writer.run(placeEvent, ...parametersOf(row, at));
}

function parametersOf(row: NewEventRow, at: Position): SqlParameter[] {
  return [
    at,
    row.event_id,
    row.room_id,
    row.type,
    row.state_key,
    row.sender,
    row.origin_server_ts,
    row.content,
    row.envelope,
    row.state_root,
    row.replaces,
    row.redacted_by,
    row.txn,
    row.auth_depth,
    row.room_root,
    row.refused,
  ];
}

/** Marks the event at a position as one to be sent to the other servers in its room. */
export function markOutgoing(writer: Writer, at: Position): void {
  writer.run(setOutgoing, at);
}

/** Overwrites an event with its redacted form. */
export function redact(
  writer: Writer,
  eventId: EventId,
  redactedBy: EventId,
  content: string,
  envelope: string,
): void {
  writer.run(replaceContent, content, envelope, redactedBy, eventId);
}

/** The event, or undefined. */
export function byId(reader: Reader, eventId: EventId): Promise<EventRow | undefined> {
  return reader.get<EventRow>(eventById, eventId);
}

/**
 * Whether there is anything of an event: itself, what follows on it in the room without it, or a redaction that waits
 * for it.
 */
export async function isNoted(reader: Reader, roomId: RoomId, eventId: EventId): Promise<boolean> {
  return (await reader.get(notedEvent, eventId, roomId, eventId, eventId)) !== undefined;
}

/** The event at a position, or undefined. */
export function byPosition(reader: Reader, position: number): Promise<EventRow | undefined> {
  return reader.get<EventRow>(eventByPosition, position);
}

/** The events at the positions, in no order. */
export async function byPositions(reader: Reader, positions: readonly number[]): Promise<EventRow[]> {
  const parts = [...inSlots(positions, MANY)];
  const rows = await Promise.all(parts.map((part) => reader.all<EventRow>(eventsByPositions, ...part)));
  return rows.flat();
}

/** A part of a room's timeline: the positions with `after` < position <= `upTo`, at most `limit`, from one of its ends. */
export interface PageRange {
  readonly after: number;
  readonly upTo: number;
  readonly limit: number;
  readonly newestFirst: boolean;
}

/** Positions of the events of a page, in its order: what their index alone tells. */
export async function pagePositions(reader: Reader, roomId: RoomId, range: PageRange): Promise<number[]> {
  const statement = range.newestFirst ? positionsBackward : positionsForward;
  const parameters = [roomId, range.after, range.upTo, range.limit];
  const rows = await reader.all<{ position: number }>(statement, ...parameters);
  return rows.map((row) => row.position);
}

/** Events of a page, in its order. */
export function page(reader: Reader, roomId: RoomId, range: PageRange): Promise<EventRow[]> {
  const statement = range.newestFirst ? eventsBackward : eventsForward;
  return reader.all<EventRow>(statement, roomId, range.after, range.upTo, range.limit);
}

/** Events of all rooms in a range, oldest first, at most `limit`. */
export function anywhere(
  reader: Reader,
  range: { after: number; upTo: number },
  limit: number,
): Promise<EventRow[]> {
  return reader.all<EventRow>(eventsAnywhere, range.after, range.upTo, limit);
}

/** Position of the event before the newest `count` of a range; undefined when it holds no more than those. */
export async function positionBefore(
  reader: Reader,
  roomId: RoomId,
  range: { after: number; upTo: number },
  count: number,
): Promise<number | undefined> {
  const row = await reader.get<{ position: number }>(
    positionOfEarlier,
    roomId,
    range.after,
    range.upTo,
    count,
  );
  return row?.position;
}

/** Events of a room beyond a time and position, those nearest first: later ones (`forward`) or earlier ones. */
export function byTime(
  reader: Reader,
  roomId: RoomId,
  place: { ts: number; position: number },
  forward: boolean,
  limit: number,
): Promise<EventRow[]> {
  const statement = forward ? eventsLater : eventsEarlier;
  return reader.all<EventRow>(statement, roomId, place.ts, place.position, limit);
}

/** Those of the events that are there, in no order. */
export async function byIds(reader: Reader, eventIds: readonly EventId[]): Promise<EventRow[]> {
  const found: EventRow[] = [];
  for (const part of inSlots(eventIds, MANY)) {
    found.push(...(await reader.all<EventRow>(eventsByIds, ...part)));
  }
  return found;
}

/** State events of a room that are further than `authDepth` from its start along auth events. */
export function deeperThan(
  reader: Reader,
  roomId: RoomId,
  authDepth: number,
): Promise<{ event_id: EventId; type: string; state_key: string }[]> {
  return reader.all(deeperEvents, roomId, authDepth);
}

/** Position of the newest event of `ACTIVITY_TYPES` in a room, not after another position. */
export async function newestActivity(
  reader: Reader,
  roomId: RoomId,
  upTo: number,
): Promise<number | undefined> {
  return (await reader.get<{ position: number }>(newestOfActivity, roomId, upTo))?.position;
}
