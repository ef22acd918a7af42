import type { UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { slots } from '../slots.ts';
import { sql } from '../sql.ts';

/** A row of the table `delayed_events`. Times are in milliseconds. */
export interface DelayedEventRow {
  readonly id: string;
  readonly user_id: string;
  readonly device_id: string | null;
  readonly room_id: string;
  readonly type: string;
  readonly state_key: string | null;
  /** JSON text. */
  readonly content: string;
  readonly redacts: string | null;
  /** For state events: what the room had under their key when they were scheduled. */
  readonly replaces: string | null;
  /** Names the client's request, whose retry is to give the same event. */
  readonly request: Uint8Array | null;
  /** For how long the event is sticky once it is sent. */
  readonly sticky: number | null;
  readonly delay: number;
  readonly running_since: number;
  readonly due_at: number;
}

const insert = sql(
  `INSERT INTO delayed_events (id, user_id, device_id, room_id, type, state_key, content, redacts, replaces, request,
     sticky, delay, running_since, due_at)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
);
const one = sql(`SELECT * FROM delayed_events WHERE id = ?`);
const ofRequest = sql(`SELECT * FROM delayed_events WHERE request = ?`);
const page = sql(`SELECT * FROM delayed_events WHERE user_id = ? AND id > ? ORDER BY id LIMIT ?`);
/** IDs that can be looked for at a time. */
export const MOST_IDS = 50;
const some = sql(
  `SELECT * FROM delayed_events WHERE id IN (${slots(MOST_IDS)}) AND user_id = ? ORDER BY id LIMIT ${MOST_IDS}`,
);
const count = sql(`SELECT COUNT(*) AS count FROM delayed_events WHERE user_id = ?`);
/** Rooms that `dueBy` and `nextDue` can leave out. */
export const ROOMS_AT_ONCE = 64;
const ELSEWHERE = `room_id NOT IN (${slots(ROOMS_AT_ONCE)})`;
const due = sql(
  `SELECT * FROM delayed_events WHERE due_at <= ? AND ${ELSEWHERE} ORDER BY due_at, id LIMIT ?`,
);
const first = sql(`SELECT due_at FROM delayed_events WHERE ${ELSEWHERE} ORDER BY due_at, id LIMIT 1`);
const restartOne = sql(`UPDATE delayed_events SET running_since = ?, due_at = ? WHERE id = ?`);
const postponeOfSender = sql(
  `UPDATE delayed_events SET due_at = due_at + ? WHERE user_id = ? AND room_id = ? AND due_at <= ?`,
);
const claimOne = sql(`UPDATE delayed_events SET claims = claims + 1 WHERE id = ? AND due_at = ?`);
const removeOne = sql(`DELETE FROM delayed_events WHERE id = ?`);

/** Adds an event; the unit fails when the request has been made before. */
export function add(writer: Writer, row: DelayedEventRow): void {
  writer.guard(
    insert,
    ...[row.id, row.user_id, row.device_id, row.room_id, row.type, row.state_key, row.content, row.redacts],
    ...[row.replaces, row.request, row.sticky, row.delay, row.running_since, row.due_at],
  );
}

/** One event, or undefined. */
export function byId(reader: Reader, id: string): Promise<DelayedEventRow | undefined> {
  return reader.get<DelayedEventRow>(one, id);
}

/** The event of a client's request, or undefined. */
export function byRequest(reader: Reader, request: Uint8Array): Promise<DelayedEventRow | undefined> {
  return reader.get<DelayedEventRow>(ofRequest, request);
}

/** A user's events after one, in order of ID. */
export function ofUser(
  reader: Reader,
  userId: UserId,
  after: string,
  limit: number,
): Promise<DelayedEventRow[]> {
  return reader.all<DelayedEventRow>(page, userId, after, limit);
}

/** Those of a user among at most 50 IDs, in order of ID. */
export function ofUserAmong(
  reader: Reader,
  userId: UserId,
  ids: readonly string[],
): Promise<DelayedEventRow[]> {
  return reader.all<DelayedEventRow>(some, ...idSlots(ids), userId);
}

/** At most 50 IDs for a statement with so many places: those left over have an ID that no event has. */
export function idSlots(ids: readonly string[]): string[] {
  return padded(ids, MOST_IDS);
}

/** How many events of a user wait. */
export async function countOf(reader: Reader, userId: UserId): Promise<number> {
  return (await reader.get<{ count: number }>(count, userId))?.count ?? 0;
}

/** Events whose time has come, the oldest first, but for those of at most 64 rooms. */
export function dueBy(
  reader: Reader,
  now: number,
  butIn: readonly string[],
  limit: number,
): Promise<DelayedEventRow[]> {
  return reader.all<DelayedEventRow>(due, now, ...padded(butIn, ROOMS_AT_ONCE), limit);
}

/** When the next event is due, but for those of at most 64 rooms; undefined when none waits. */
export async function nextDue(reader: Reader, butIn: readonly string[]): Promise<number | undefined> {
  return (await reader.get<{ due_at: number }>(first, ...padded(butIn, ROOMS_AT_ONCE)))?.due_at;
}

function padded(values: readonly string[], length: number): string[] {
  return Array.from({ length }, (_, i) => values[i] ?? '');
}

/** Lets the time of an event begin anew; the unit fails when it waits no more. */
export function restart(writer: Writer, id: string, now: number, dueAt: number): void {
  writer.guard(restartOne, now, dueAt, id);
}

/**
 * Gives an event another time, and those of its sender in the room that are due until then as much more, so that they stay in
 * order. The unit fails when the event was taken, or has another time.
 */
export function postpone(writer: Writer, row: DelayedEventRow, dueAt: number): void {
  writer.guard(claimOne, row.id, row.due_at);
  writer.run(postponeOfSender, dueAt - row.due_at, row.user_id, row.room_id, dueAt);
}

/** Takes out an event that is finalised; the unit fails when another did, or gave it another time. */
export function take(writer: Writer, row: DelayedEventRow): void {
  writer.guard(claimOne, row.id, row.due_at);
  writer.run(removeOne, row.id);
}
