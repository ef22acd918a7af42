import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

const insertAnswer = sql(
  `INSERT INTO client_transactions (key, answer, answered_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
);
const selectAnswer = sql(`SELECT answer FROM client_transactions WHERE key = ?`);
const deleteOld = sql(`DELETE FROM client_transactions WHERE answered_at < ?`);

/** Remembers an answer, as JSON text. The whole unit fails where there is one for the key already. */
export function remember(
  writer: Writer,
  key: Uint8Array,
  { answer, at }: { answer: string; at: number },
): void {
  writer.guard(insertAnswer, key, answer, at);
}

/** The answer to a request, if there is one. */
export async function answerTo(reader: Reader, key: Uint8Array): Promise<string | undefined> {
  return (await reader.get<{ answer: string }>(selectAnswer, key))?.answer;
}

/** Forgets what was answered before a moment, in milliseconds since the epoch. */
export function forgetBefore(writer: Writer, moment: number): void {
  writer.run(deleteOld, moment);
}
