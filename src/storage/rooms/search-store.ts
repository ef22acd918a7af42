import type { EventId } from '../../protocol/identifiers.ts';
import type { Database, Reader, Writer } from '../database.ts';
import { EVENT_COLUMNS, type EventRow } from './events-store.ts';
import { indexedTerms } from './indexed-search-terms.ts';
import { listedTerms } from './listed-search-terms.ts';
import type { SearchTerms } from './search-terms.ts';
import { inSlots, slots } from '../slots.ts';
import { sql } from '../sql.ts';
import { BEFORE_HISTORY } from '../unit-of-work.ts';

/** Events that one statement takes. */
const MANY = 16;
const SLOTS = slots(MANY);

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
const insertEdit = sql(`INSERT INTO search_edits (event_id, edited_id) VALUES (?, ?) ON CONFLICT DO NOTHING`);
const editedByEvents = sql(`SELECT edited_id FROM search_edits WHERE event_id IN (${SLOTS})`);

/** The index, as the database keeps it. */
export function searchTerms({ engine }: Database): SearchTerms {
  return engine === 'sqlite' ? indexedTerms : listedTerms;
}

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
