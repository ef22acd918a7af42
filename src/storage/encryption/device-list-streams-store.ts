import type { ServerName, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

/** What stands in an update for its own number and that of the one before: both are known when it is committed. */
export const STREAM_ID = '@stream_id';
export const PREVIOUS_ID = '@prev_id';

const addUpdate = sql(
  `INSERT INTO outgoing_edus (server_name, position, type, content)
   SELECT ?, CAST(? AS BIGINT), 'm.device_list_update', REPLACE(REPLACE(CAST(? AS TEXT),
     '"${STREAM_ID}"', CAST(CAST(? AS BIGINT) AS TEXT)),
     '"${PREVIOUS_ID}"', COALESCE((SELECT CAST(stream_id AS TEXT) FROM device_list_streams WHERE user_id = ?), ''))`,
);
const moveOn = sql(
  `INSERT INTO device_list_streams (user_id, stream_id) VALUES (?, ?)
   ON CONFLICT (user_id) DO UPDATE SET stream_id = excluded.stream_id`,
);
const newest = sql(`SELECT stream_id FROM device_list_streams WHERE user_id = ?`);

/**
 * Keeps an update of a user's devices for a server until it has taken it. `content` is JSON text, in which the strings
 * `STREAM_ID` and `PREVIOUS_ID` stand for the numbers.
 */
export function keepFor(
  writer: Writer,
  server: ServerName,
  userId: UserId,
  content: string,
  at: Position,
): void {
  writer.run(addUpdate, server, at, content, at, userId);
}

/** The update at a position is the user's newest. */
export function advance(writer: Writer, userId: UserId, at: Position): void {
  writer.run(moveOn, userId, at);
}

/** The number of the user's newest update; 0 before the first. */
export async function newestOf(reader: Reader, userId: UserId): Promise<number> {
  return (await reader.get<{ stream_id: number }>(newest, userId))?.stream_id ?? 0;
}
