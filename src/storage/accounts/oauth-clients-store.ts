import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

const one = sql(`SELECT metadata FROM oauth_clients WHERE client_id = ?`);
const upsert = sql(
  `INSERT INTO oauth_clients (client_id, metadata, used_at) VALUES (?, ?, ?)
   ON CONFLICT (client_id) DO UPDATE SET used_at = excluded.used_at`,
);
const removeOld = sql(
  `DELETE FROM oauth_clients WHERE client_id IN (
     SELECT client_id FROM oauth_clients WHERE used_at < ? AND NOT EXISTS (
       SELECT 1 FROM refresh_tokens WHERE refresh_tokens.client_id = oauth_clients.client_id
     ) ORDER BY used_at LIMIT 100
   )`,
);

/** The metadata of a client as JSON, or undefined. */
export async function byId(reader: Reader, clientId: string): Promise<string | undefined> {
  return (await reader.get<{ metadata: string }>(one, clientId))?.metadata;
}

/**
 * Registers a client, or notes that it was registered again. Of clients not registered again since `oldest` and without a
 * session, some are forgotten. Times are in milliseconds.
 */
export function put(
  writer: Writer,
  client: { clientId: string; metadata: string },
  now: number,
  oldest: number,
): void {
  writer.run(removeOld, oldest);
  writer.run(upsert, client.clientId, client.metadata, now);
}
