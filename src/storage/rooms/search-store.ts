import type { EventId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { EVENT_COLUMNS, type EventRow } from './events-store.ts';
import { inSlots, slots } from '../slots.ts';
import { sql } from '../sql.ts';
import { BEFORE_HISTORY } from '../unit-of-work.ts';

/** Entries that one statement takes. */
const MANY = 16;
const SLOTS = slots(MANY);
/** Keys that one search takes. */
export const MOST_SEARCH_KEYS = 8;

const readProgress = sql(`SELECT position FROM search_progress WHERE id = 1`);
const moveProgress = sql(`UPDATE search_progress SET position = ? WHERE id = 1 AND position = ?`);
const SEARCHABLE = `type IN ('m.room.message', 'm.room.name', 'm.room.topic', 'm.room.redaction')`;
const newEvents = sql(
  `SELECT ${EVENT_COLUMNS} FROM events WHERE position > ? AND position <= ? AND ${SEARCHABLE}
   ORDER BY position LIMIT ?`,
);
const newHistory = sql(
  `SELECT ${EVENT_COLUMNS} FROM events WHERE position < ? AND position >= ? AND position > ${BEFORE_HISTORY}
   AND ${SEARCHABLE} ORDER BY position DESC LIMIT ?`,
);
const insertKeys = sql(
  `INSERT INTO search_terms (key, position) VALUES ${Array.from({ length: MANY }, () => '(?, ?)').join(', ')}
   ON CONFLICT DO NOTHING`,
);
const putDocument = sql(
  `INSERT INTO search_documents (position, keys) VALUES (?, ?)
   ON CONFLICT (position) DO UPDATE SET keys = excluded.keys`,
);
const documentsAt = sql(`SELECT position, keys FROM search_documents WHERE position IN (${SLOTS})`);
const insertEdit = sql(`INSERT INTO search_edits (event_id, edited_id) VALUES (?, ?) ON CONFLICT DO NOTHING`);
const editedByEvents = sql(`SELECT edited_id FROM search_edits WHERE event_id IN (${SLOTS})`);
const deleteKey = sql(`DELETE FROM search_terms WHERE key = ? AND position = ?`);
const deleteDocument = sql(`DELETE FROM search_documents WHERE position = ?`);
/** A statement for each number of keys, from one on. */
const forKeys = (make: (matches: string) => string) =>
  Array.from({ length: MOST_SEARCH_KEYS }, (_, others) => {
    const have = Array.from(
      { length: others },
      () => `AND EXISTS (SELECT 1 FROM search_terms AS other
      WHERE other.key = ? AND other.position = found.position)`,
    );
    return sql(make(`FROM search_terms AS found WHERE found.key = ? ${have.join(' ')}`));
  });
const matchesBefore = forKeys(
  (matches) =>
    `SELECT found.position AS position ${matches} AND found.position <= ? ORDER BY found.position DESC LIMIT ?`,
);
const countMatches = forKeys(
  (matches) => `SELECT COUNT(*) AS count FROM (SELECT 1 AS one ${matches} LIMIT ?) AS matches`,
);

/** Position up to which events are indexed. */
export async function progress(reader: Reader): Promise<number> {
  return (await reader.get<{ position: number }>(readProgress))?.position ?? 0;
}

/** Moves the progress on; the unit fails when another process did so before. */
export function advance(writer: Writer, from: number, to: number): void {
  writer.guard(moveProgress, to, from);
}

/**
 * Messages, names, topics and redactions that were written after a place of the log and not after `upTo`, in that order, at
 * most `limit`; and up to which place these are all. Some of them may be history, whose positions count down from zero.
 */
export async function events(
  reader: Reader,
  after: number,
  upTo: number,
  limit: number,
): Promise<{ rows: EventRow[]; reached: number }> {
  const events = await reader.all<EventRow>(newEvents, after, upTo, limit);
  const history = await reader.all<EventRow>(newHistory, -after, -upTo, limit);
  const full = [events, history].filter((rows) => rows.length === limit);
  const reached = Math.min(upTo, ...full.map((rows) => placeOf(rows.at(-1))));
  const rows = [...events, ...history].filter((row) => placeOf(row) <= reached);
  return { rows: rows.sort((a, b) => placeOf(a) - placeOf(b)), reached };
}

function placeOf(row: EventRow | undefined): number {
  return Math.abs(row?.position ?? 0);
}

/** Puts the event at a position into the index under its keys instead of those that it had; out of it for none. */
export function replace(
  writer: Writer,
  position: number,
  before: readonly number[],
  keys: readonly number[],
): void {
  const had = new Set(before);
  const has = new Set(keys);
  const added = keys.filter((key) => !had.has(key));
  for (const key of before) if (!has.has(key)) writer.run(deleteKey, key, position);
  for (const part of inSlots(added, MANY)) writer.run(insertKeys, ...part.flatMap((key) => [key, position]));
  if (keys.length > 0) writer.run(putDocument, position, new Uint8Array(Float64Array.from(keys).buffer));
  else if (before.length > 0) writer.run(deleteDocument, position);
}

/** The keys of the events at the positions, for those that are in the index. */
export async function keysAt(reader: Reader, positions: readonly number[]): Promise<Map<number, number[]>> {
  const found = new Map<number, number[]>();
  for (const part of inSlots(positions, MANY)) {
    for (const row of await reader.all<{ position: number; keys: Uint8Array }>(documentsAt, ...part)) {
      found.set(row.position, [...new Float64Array(Uint8Array.from(row.keys).buffer)]);
    }
  }
  return found;
}

/** Notes that an event is an edit, which cannot be seen any more once it is redacted. */
export function noteEdit(writer: Writer, eventId: EventId, editedId: EventId): void {
  writer.run(insertEdit, eventId, editedId);
}

/** What those of the events edit that were noted as edits. */
export async function editedBy(reader: Reader, eventIds: readonly EventId[]): Promise<EventId[]> {
  const found: EventId[] = [];
  for (const part of inSlots(eventIds, MANY)) {
    const rows = await reader.all<{ edited_id: EventId }>(editedByEvents, ...part);
    found.push(...rows.map((row) => row.edited_id));
  }
  return found;
}

/** Positions, newest first and not after `upTo`, of events that have all of the keys: 1 to `MOST_SEARCH_KEYS`. */
export async function matches(
  reader: Reader,
  keys: readonly number[],
  upTo: number,
  limit: number,
): Promise<number[]> {
  const statement = matchesBefore[keys.length - 1];
  if (!statement) return [];
  const rows = await reader.all<{ position: number }>(statement, ...keys, upTo, limit);
  return rows.map((row) => row.position);
}

/** How many events have all of the keys, counted up to `limit`. */
export async function count(reader: Reader, keys: readonly number[], limit: number): Promise<number> {
  const statement = countMatches[keys.length - 1];
  return (statement && (await reader.get<{ count: number }>(statement, ...keys, limit)))?.count ?? 0;
}
