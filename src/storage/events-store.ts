import type { EventId, RoomId } from '../protocol/identifiers.ts';
import type { Reader, SqlParameter, Writer } from './database.ts';
import { sql } from './sql.ts';
import type { Position } from './unit-of-work.ts';

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
}

const COLUMNS = `position, event_id, room_id, type, state_key, sender, origin_server_ts, content, envelope,
  state_root, replaces, redacted_by, txn`;

const insertEvent = sql(`INSERT INTO events (${COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, NULL, ?)`);
const eventById = sql(`SELECT ${COLUMNS} FROM events WHERE event_id = ?`);
const eventByPosition = sql(`SELECT ${COLUMNS} FROM events WHERE position = ?`);
const eventsForward = sql(
  `SELECT ${COLUMNS} FROM events WHERE room_id = ? AND position > ? AND position <= ? ORDER BY position LIMIT ?`,
);
const eventsBackward = sql(
  `SELECT ${COLUMNS} FROM events WHERE room_id = ? AND position > ? AND position <= ?
   ORDER BY position DESC LIMIT ?`,
);
const stateEventsAfter = sql(
  `SELECT ${COLUMNS} FROM events WHERE room_id = ? AND state_key IS NOT NULL AND position > ?
   ORDER BY position LIMIT ?`,
);
const eventsLater = sql(
  `SELECT ${COLUMNS} FROM events WHERE room_id = ? AND (origin_server_ts, position) > (?, ?)
   ORDER BY origin_server_ts, position LIMIT ?`,
);
const eventsEarlier = sql(
  `SELECT ${COLUMNS} FROM events WHERE room_id = ? AND (origin_server_ts, position) < (?, ?)
   ORDER BY origin_server_ts DESC, position DESC LIMIT ?`,
);
const replaceContent = sql(`UPDATE events SET content = ?, envelope = ?, redacted_by = ? WHERE event_id = ?`);
const transactionByKey = sql(
  `SELECT ${COLUMNS.replace('position,', 'events.position AS position,')} FROM event_transactions
   JOIN events ON events.position = event_transactions.position WHERE key = ?`,
);
const setOutgoing = sql(`UPDATE events SET outgoing = 1 WHERE position = ?`);
const insertTransaction = sql(`INSERT INTO event_transactions (key, position) VALUES (?, ?)`);

/** Adds an event at a position. */
export function insert(writer: Writer, row: Omit<EventRow, 'position' | 'redacted_by'>, at: Position): void {
  const parameters: SqlParameter[] = [
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
    row.txn,
  ];
  writer.run(insertEvent, ...parameters);
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

/** The event at a position, or undefined. */
export function byPosition(reader: Reader, position: number): Promise<EventRow | undefined> {
  return reader.get<EventRow>(eventByPosition, position);
}

/** Events of a room with `after` < position <= `upTo`, in the given order of positions, at most `limit`. */
export function page(
  reader: Reader,
  roomId: RoomId,
  range: { after: number; upTo: number; limit: number; newestFirst: boolean },
): Promise<EventRow[]> {
  const statement = range.newestFirst ? eventsBackward : eventsForward;
  return reader.all<EventRow>(statement, roomId, range.after, range.upTo, range.limit);
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

/** State events of a room after a position, oldest first, at most `limit`. */
export function stateAfter(
  reader: Reader,
  roomId: RoomId,
  position: number,
  limit: number,
): Promise<EventRow[]> {
  return reader.all<EventRow>(stateEventsAfter, roomId, position, limit);
}

/** The event that a transaction already made, or undefined. */
export function byTransaction(reader: Reader, key: Uint8Array): Promise<EventRow | undefined> {
  return reader.get<EventRow>(transactionByKey, key);
}

/** Remembers that a transaction made the event at a position. A second time fails the unit. */
export function rememberTransaction(writer: Writer, key: Uint8Array, at: Position): void {
  writer.run(insertTransaction, key, at);
}
