import type { UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

const all = sql(`SELECT field, value FROM profiles WHERE user_id = ?`);
const upsert = sql(
  `INSERT INTO profiles (user_id, field, value) VALUES (?, ?, ?)
   ON CONFLICT (user_id, field) DO UPDATE SET value = excluded.value`,
);
const removeField = sql(`DELETE FROM profiles WHERE user_id = ? AND field = ?`);

/** The user's fields; values are JSON text. A profile is at most 64 KiB. */
export function ofUser(reader: Reader, userId: UserId): Promise<{ field: string; value: string }[]> {
  return reader.all(all, userId);
}

/** Sets a field to JSON text. */
export function put(writer: Writer, userId: UserId, field: string, value: string): void {
  writer.run(upsert, userId, field, value);
}

/** Deletes a field. */
export function remove(writer: Writer, userId: UserId, field: string): void {
  writer.run(removeField, userId, field);
}
