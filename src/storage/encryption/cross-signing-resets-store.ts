import type { UserId } from '../../protocol/identifiers.ts';
import type { Writer } from '../database.ts';
import { sql } from '../sql.ts';

const upsert = sql(
  `INSERT INTO cross_signing_resets (user_id, allowed_until) VALUES (?, ?)
   ON CONFLICT (user_id) DO UPDATE SET allowed_until = excluded.allowed_until`,
);
const useOne = sql(`DELETE FROM cross_signing_resets WHERE user_id = ? AND allowed_until > ?`);

/** Lets the user replace their cross-signing keys once, until a time in milliseconds. */
export function allow(writer: Writer, userId: UserId, until: number): void {
  writer.run(upsert, userId, until);
}

/** Uses that up; the unit fails when it was not allowed, or no longer is. */
export function use(writer: Writer, userId: UserId, now: number): void {
  writer.guard(useOne, userId, now);
}
