import type { ServerName } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** A row of the table `destinations`: where this server stands with another one. */
export interface DestinationRow {
  readonly server_name: string;
  /** Every event for it up to this position was taken by it. */
  readonly position: number;
  /** When it began not to answer, in milliseconds; null while it does. */
  readonly failing_since: number | null;
  /** When it may be asked again, in milliseconds. */
  readonly retry_at: number;
  readonly retry_ms: number;
}

const one = sql(
  `SELECT server_name, position, failing_since, retry_at, retry_ms FROM destinations WHERE server_name = ?`,
);
const upsertFailure = sql(
  `INSERT INTO destinations (server_name, failing_since, retry_at, retry_ms) VALUES (?, ?, ?, ?)
   ON CONFLICT (server_name) DO UPDATE SET failing_since = excluded.failing_since,
     retry_at = excluded.retry_at, retry_ms = excluded.retry_ms`,
);
const clearFailure = sql(
  `UPDATE destinations SET failing_since = NULL, retry_at = 0, retry_ms = 0 WHERE server_name = ?`,
);

/** Where this server stands with another one, or undefined. */
export function of(reader: Reader, server: ServerName): Promise<DestinationRow | undefined> {
  return reader.get<DestinationRow>(one, server);
}

/** Notes that a server does not answer, and when to try again. Times are in milliseconds. */
export function setFailing(
  writer: Writer,
  server: ServerName,
  failure: { since: number; retryAt: number; retryMs: number },
): void {
  writer.run(upsertFailure, server, failure.since, failure.retryAt, failure.retryMs);
}

/** Notes that a server answers. */
export function setAnswering(writer: Writer, server: ServerName): void {
  writer.run(clearFailure, server);
}
