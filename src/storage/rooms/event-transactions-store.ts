import type { Reader, Writer } from '../database.ts';
import { EVENT_COLUMNS, type EventRow } from './events-store.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

const transactionByKey = sql(
  `SELECT ${EVENT_COLUMNS} FROM event_transactions
   JOIN events ON events.position = event_transactions.position WHERE key = ?`,
);
const insertTransaction = sql(
  `INSERT INTO event_transactions (key, position) VALUES (?, ?) ON CONFLICT DO NOTHING`,
);

/** The event that a transaction already made, or undefined. */
export function byKey(reader: Reader, key: Uint8Array): Promise<EventRow | undefined> {
  return reader.get<EventRow>(transactionByKey, key);
}

/** Remembers that a transaction made the event at a position; the unit fails when it made one already. */
export function remember(writer: Writer, key: Uint8Array, at: Position): void {
  writer.guard(insertTransaction, key, at);
}
