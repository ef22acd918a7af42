import type { UserId } from '../../protocol/identifiers.ts';
import type { Writer } from '../database.ts';
import { sql } from '../sql.ts';

const upsert = sql(
  `INSERT INTO terms_agreed (user_id, agreed, agreed_at) VALUES (?, ?, ?)
   ON CONFLICT (user_id) DO UPDATE SET agreed = excluded.agreed, agreed_at = excluded.agreed_at`,
);

/** Notes which policies a user agreed to, as JSON of versions by ID, and when (ms). */
export function agree(writer: Writer, userId: UserId, agreed: string, now: number): void {
  writer.run(upsert, userId, agreed, now);
}
