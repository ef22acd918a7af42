import type { UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { slots } from '../slots.ts';
import { sql } from '../sql.ts';
import { idSlots, MOST_IDS } from './delayed-events-store.ts';

/** A row of the table `finalised_delayed_events`. Times are in milliseconds. */
export interface FinalisedEventRow {
  readonly id: string;
  readonly user_id: string;
  readonly room_id: string;
  readonly type: string;
  readonly state_key: string | null;
  /** JSON text. */
  readonly content: string;
  readonly delay: number;
  readonly running_since: number;
  readonly finalised_at: number;
  /** 1 when somebody asked for it; 0 when its time had come. */
  readonly was_asked: number;
  /** The event that was sent. */
  readonly event_id: string | null;
  /**
   * Why it could not be sent, as JSON text: a standard error response. Neither it nor an event is there when it was
   * cancelled.
   */
  readonly error: string | null;
}

/** How many of a user are kept. */
export const MOST_OF_USER = 1_000;

const insert = sql(
  `INSERT INTO finalised_delayed_events (id, user_id, room_id, type, state_key, content, delay, running_since, finalised_at,
     was_asked, event_id, error)
   VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`,
);
const removeBeyondMost = sql(
  `DELETE FROM finalised_delayed_events WHERE id IN (
     SELECT id FROM finalised_delayed_events WHERE user_id = ?
     ORDER BY finalised_at DESC, id DESC LIMIT 100 OFFSET ${MOST_OF_USER})`,
);
const removeBefore = sql(
  `DELETE FROM finalised_delayed_events WHERE id IN (
     SELECT id FROM finalised_delayed_events WHERE finalised_at < ? ORDER BY finalised_at, id LIMIT ?)`,
);
const countBefore = sql(
  `SELECT COUNT(*) AS count FROM (
     SELECT 1 AS one FROM finalised_delayed_events WHERE finalised_at < ? LIMIT ?) AS found`,
);
const one = sql(`SELECT * FROM finalised_delayed_events WHERE id = ? AND finalised_at >= ?`);
const page = sql(
  `SELECT * FROM finalised_delayed_events
   WHERE user_id = ? AND finalised_at >= ? AND (finalised_at, id) < (?, ?)
   ORDER BY finalised_at DESC, id DESC LIMIT ?`,
);
const some = sql(
  `SELECT * FROM finalised_delayed_events WHERE id IN (${slots(MOST_IDS)}) AND user_id = ? AND finalised_at >= ?
   ORDER BY finalised_at DESC, id DESC LIMIT ${MOST_IDS}`,
);

/** Adds what became of an event; the oldest of its user go where there are too many. */
export function add(writer: Writer, row: FinalisedEventRow): void {
  writer.run(
    insert,
    ...[row.id, row.user_id, row.room_id, row.type, row.state_key, row.content, row.delay, row.running_since],
    ...[row.finalised_at, row.was_asked, row.event_id, row.error],
  );
  writer.run(removeBeyondMost, row.user_id);
}

/** Removes the oldest of those from before a time, at most `limit`. */
export function forgetBefore(writer: Writer, time: number, limit: number): void {
  writer.run(removeBefore, time, limit);
}

/** How many there are from before a time; counts to `limit`. */
export async function countOfBefore(reader: Reader, time: number, limit: number): Promise<number> {
  return (await reader.get<{ count: number }>(countBefore, time, limit))?.count ?? 0;
}

/** What became of one event, if that was at a time or later. */
export function byId(reader: Reader, id: string, since: number): Promise<FinalisedEventRow | undefined> {
  return reader.get<FinalisedEventRow>(one, id, since);
}

/** What became of a user's events at a time or later, the latest first, from before a place in that list. */
export function ofUser(
  reader: Reader,
  userId: UserId,
  { since, before, limit }: { since: number; before: FinalisedPlace; limit: number },
): Promise<FinalisedEventRow[]> {
  return reader.all<FinalisedEventRow>(page, userId, since, before.at, before.id, limit);
}

/** A place in a user's list. */
export interface FinalisedPlace {
  readonly at: number;
  readonly id: string;
}

/** Those of a user among at most 50 IDs that were finalised at a time or later, the latest first. */
export function ofUserAmong(
  reader: Reader,
  userId: UserId,
  ids: readonly string[],
  since: number,
): Promise<FinalisedEventRow[]> {
  return reader.all<FinalisedEventRow>(some, ...idSlots(ids), userId, since);
}
