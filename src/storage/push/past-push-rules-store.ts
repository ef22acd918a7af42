import type { UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

/** A row of the table `past_push_rules`: the rules that held for events before a position. */
export interface PastRulesRow {
  readonly until_position: number;
  /** JSON text of `m.push_rules`; an empty object for the predefined rules. */
  readonly content: string;
}

/** Versions kept of a user's rules. Events before the oldest are judged by that. */
const MOST_KEPT = 16;

const insert = sql(
  `INSERT INTO past_push_rules (user_id, until_position, content) VALUES (?, ?, ?) ON CONFLICT DO NOTHING`,
);
const removeOld = sql(
  `DELETE FROM past_push_rules WHERE user_id = ? AND until_position NOT IN (
     SELECT until_position FROM past_push_rules WHERE user_id = ? ORDER BY until_position DESC LIMIT ${MOST_KEPT})`,
);
const listed = sql(
  `SELECT until_position, content FROM past_push_rules WHERE user_id = ? ORDER BY until_position LIMIT ${MOST_KEPT}`,
);

/** Keeps the rules that hold for events before a position; of earlier ones the newest few stay. */
export function add(writer: Writer, userId: UserId, until: Position, content: string): void {
  writer.run(insert, userId, until, content);
  writer.run(removeOld, userId, userId);
}

/** The user's rules of before, oldest first. */
export function ofUser(reader: Reader, userId: UserId): Promise<PastRulesRow[]> {
  return reader.all<PastRulesRow>(listed, userId);
}
