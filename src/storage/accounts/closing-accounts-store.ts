import type { UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

const insert = sql(`INSERT INTO closing_accounts (user_id) VALUES (?) ON CONFLICT DO NOTHING`);
const remove = sql(`DELETE FROM closing_accounts WHERE user_id = ?`);
const one = sql(`SELECT user_id FROM closing_accounts WHERE user_id = ?`);
const page = sql(`SELECT user_id FROM closing_accounts WHERE user_id > ? ORDER BY user_id LIMIT ?`);

/** Notes that the account may be in rooms that it has to leave. */
export function add(writer: Writer, userId: UserId): void {
  writer.run(insert, userId);
}

/** The account is out of its rooms. */
export function done(writer: Writer, userId: UserId): void {
  writer.run(remove, userId);
}

/** Whether the account may be in rooms that it has to leave. */
export async function isClosing(reader: Reader, userId: UserId): Promise<boolean> {
  return (await reader.get(one, userId)) !== undefined;
}

/** Accounts that may be in rooms that they have to leave, in order of their IDs, from the one after `after` on. */
export async function after(reader: Reader, after: string, limit: number): Promise<UserId[]> {
  const rows = await reader.all<{ user_id: UserId }>(page, after, limit);
  return rows.map((row) => row.user_id);
}
