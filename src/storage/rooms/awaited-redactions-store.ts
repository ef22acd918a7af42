import type { EventId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { inSlots, slots } from '../slots.ts';
import { sql } from '../sql.ts';

/** Redactions looked at when their target arrives. */
const MOST = 10;

const insertAwaited = sql(
  `INSERT INTO awaited_redactions (target_id, redaction_id) VALUES (?, ?) ON CONFLICT DO NOTHING`,
);
const deleteAwaited = sql(`DELETE FROM awaited_redactions WHERE target_id = ?`);
const awaitedOf = sql(
  `SELECT redaction_id FROM awaited_redactions WHERE target_id = ? ORDER BY redaction_id LIMIT ${MOST}`,
);

const MANY = 50;
const SLOTS = slots(MANY);
const awaitedAmong = sql(
  `SELECT target_id, redaction_id FROM awaited_redactions WHERE target_id IN (${SLOTS}) ORDER BY redaction_id`,
);

/** Remembers a redaction whose target is not here. */
export function remember(writer: Writer, targetId: EventId, redactionId: EventId): void {
  writer.run(insertAwaited, targetId, redactionId);
}

/** Forgets the redactions of an event that is here. */
export function forget(writer: Writer, targetId: EventId): void {
  writer.run(deleteAwaited, targetId);
}

/** Some redactions that wait for the event. */
export async function of(reader: Reader, targetId: EventId): Promise<EventId[]> {
  const rows = await reader.all<{ redaction_id: EventId }>(awaitedOf, targetId);
  return rows.map((row) => row.redaction_id);
}

/** The same for many events: those that redactions wait for. */
export async function among(
  reader: Reader,
  targetIds: readonly EventId[],
): Promise<Map<EventId, readonly EventId[]>> {
  const found = new Map<EventId, EventId[]>();
  for (const part of inSlots(targetIds, MANY)) {
    const rows = await reader.all<{ target_id: EventId; redaction_id: EventId }>(awaitedAmong, ...part);
    for (const { target_id: target, redaction_id: redaction } of rows) {
      const ofTarget = found.get(target) ?? [];
      if (ofTarget.length < MOST) found.set(target, [...ofTarget, redaction]);
    }
  }
  return found;
}
