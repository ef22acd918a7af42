import type { EventId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { inSlots, slots } from '../slots.ts';
import { sql } from '../sql.ts';

/** Redactions that are read at once. */
const PAGE = 20;

const insertAwaited = sql(
  `INSERT INTO awaited_redactions (target_id, redaction_id) VALUES (?, ?) ON CONFLICT DO NOTHING`,
);
const deleteAwaited = sql(`DELETE FROM awaited_redactions WHERE target_id = ?`);
const awaitedPage = sql(
  `SELECT redaction_id FROM awaited_redactions WHERE target_id = ? AND redaction_id > ?
   ORDER BY redaction_id LIMIT ${PAGE}`,
);

const MANY = 50;
const SLOTS = slots(MANY);
const awaitedAmong = sql(`SELECT DISTINCT target_id FROM awaited_redactions WHERE target_id IN (${SLOTS})`);

/** Remembers a redaction whose target is not here. */
export function remember(writer: Writer, targetId: EventId, redactionId: EventId): void {
  writer.run(insertAwaited, targetId, redactionId);
}

/** Forgets the redactions of an event that is here. */
export function forget(writer: Writer, targetId: EventId): void {
  writer.run(deleteAwaited, targetId);
}

/** Some of the redactions that wait for the event, in order of their IDs: those after `after`. */
export async function page(reader: Reader, targetId: EventId, after = ''): Promise<EventId[]> {
  const rows = await reader.all<{ redaction_id: EventId }>(awaitedPage, targetId, after);
  return rows.map((row) => row.redaction_id);
}

/** Those of the events that redactions wait for. */
export async function among(reader: Reader, targetIds: readonly EventId[]): Promise<EventId[]> {
  const found: EventId[] = [];
  for (const part of inSlots(targetIds, MANY)) {
    const rows = await reader.all<{ target_id: EventId }>(awaitedAmong, ...part);
    found.push(...rows.map((row) => row.target_id));
  }
  return found;
}
