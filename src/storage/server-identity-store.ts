import type { ServerName } from '../protocol/identifiers.ts';
import type { Reader, Writer } from './database.ts';
import { sql } from './sql.ts';

/** The one row of the table `server_identity`. */
export interface ServerIdentityRow {
  readonly server_name: ServerName;
  /** `ed25519:` and the name of the key that it signs with. */
  readonly key_id: string;
  /** Unpadded base64. */
  readonly public_key: string;
}

const read = sql(`SELECT server_name, key_id, public_key FROM server_identity WHERE id = 1`);
const write = sql(
  `INSERT INTO server_identity (id, server_name, key_id, public_key) VALUES (1, ?, ?, ?) ON CONFLICT (id) DO NOTHING`,
);
const changeKey = sql(
  `UPDATE server_identity SET key_id = ?, public_key = ? WHERE id = 1 AND key_id = ? AND public_key = ?`,
);

/** Whose database it is; undefined for one that nobody used yet. */
export function get(reader: Reader): Promise<ServerIdentityRow | undefined> {
  return reader.get<ServerIdentityRow>(read);
}

/** Notes whose database it is, unless that is noted. */
export function insert(writer: Writer, row: ServerIdentityRow): void {
  writer.run(write, row.server_name, row.key_id, row.public_key);
}

/** The server signs with another key from now on; nothing happens where another process noted one already. */
export function replaceKey(writer: Writer, before: ServerIdentityRow, now: ServerIdentityRow): void {
  writer.run(changeKey, now.key_id, now.public_key, before.key_id, before.public_key);
}
