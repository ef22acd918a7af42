import type { ServerName, UserId } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';
import type { Position } from '../unit-of-work.ts';

/** The numbers of an update are known when it is committed, and stand before the rest of its content, whatever that says. */
const addUpdate = sql(
  `INSERT INTO outgoing_edus (server_name, position, type, content)
   SELECT ?, CAST(? AS BIGINT), 'm.device_list_update', '{"stream_id":' || CAST(CAST(? AS BIGINT) AS TEXT)
     || ',"prev_id":[' || COALESCE((SELECT CAST(stream_id AS TEXT) FROM device_list_streams WHERE user_id = ?), '')
     || '],' || SUBSTR(CAST(? AS TEXT), 2)`,
);
const moveOn = sql(
  `INSERT INTO device_list_streams (user_id, stream_id) VALUES (?, ?)
   ON CONFLICT (user_id) DO UPDATE SET stream_id = excluded.stream_id`,
);
const newest = sql(`SELECT stream_id FROM device_list_streams WHERE user_id = ?`);

/**
 * Keeps an update of a user's devices for a server until it has taken it.
 *
 * @param content - The JSON text of an object without `stream_id` and `prev_id`, which are added; not an empty one.
 */
export function keepFor(
  writer: Writer,
  server: ServerName,
  userId: UserId,
  content: string,
  at: Position,
): void {
  writer.run(addUpdate, server, at, at, userId, content);
}

/** The update at a position is the user's newest. */
export function advance(writer: Writer, userId: UserId, at: Position): void {
  writer.run(moveOn, userId, at);
}

/** The number of the user's newest update; 0 before the first. */
export async function newestOf(reader: Reader, userId: UserId): Promise<number> {
  return (await reader.get<{ stream_id: number }>(newest, userId))?.stream_id ?? 0;
}
