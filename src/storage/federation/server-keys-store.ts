import type { ServerName } from '../../protocol/identifiers.ts';
import type { Reader, Writer } from '../database.ts';
import { sql } from '../sql.ts';

/** A key of another server. */
export interface ServerKeyRow {
  readonly key_id: string;
  /** Base64. */
  readonly public_key: string;
  /** Milliseconds: what was signed with the key later is not to be believed. */
  readonly valid_until: number;
}

/** The newest answer of a server about its keys, as JSON text with its own signatures. */
export interface ServerKeyAnswerRow {
  readonly answer: string;
  readonly fetched_at: number;
  readonly valid_until: number;
}

const upsertKey = sql(
  `INSERT INTO server_keys (server_name, key_id, public_key, valid_until) VALUES (?, ?, ?, ?)
   ON CONFLICT (server_name, key_id) DO UPDATE SET public_key = excluded.public_key,
     valid_until = excluded.valid_until`,
);
const oneKey = sql(
  `SELECT key_id, public_key, valid_until FROM server_keys WHERE server_name = ? AND key_id = ?`,
);
const upsertAnswer = sql(
  `INSERT INTO server_key_answers (server_name, answer, fetched_at, valid_until) VALUES (?, ?, ?, ?)
   ON CONFLICT (server_name) DO UPDATE SET answer = excluded.answer, fetched_at = excluded.fetched_at,
     valid_until = excluded.valid_until`,
);
const oneAnswer = sql(`SELECT answer, fetched_at, valid_until FROM server_key_answers WHERE server_name = ?`);

/** Keeps keys of a server. */
export function putKeys(writer: Writer, server: ServerName, keys: readonly ServerKeyRow[]): void {
  for (const key of keys) writer.run(upsertKey, server, key.key_id, key.public_key, key.valid_until);
}

/** Keeps the newest answer of a server about its keys. */
export function putAnswer(writer: Writer, server: ServerName, answer: ServerKeyAnswerRow): void {
  writer.run(upsertAnswer, server, answer.answer, answer.fetched_at, answer.valid_until);
}

/** A key of a server, or undefined. */
export function key(reader: Reader, server: ServerName, keyId: string): Promise<ServerKeyRow | undefined> {
  return reader.get<ServerKeyRow>(oneKey, server, keyId);
}

/** The newest answer of a server about its keys, or undefined. */
export function answer(reader: Reader, server: ServerName): Promise<ServerKeyAnswerRow | undefined> {
  return reader.get<ServerKeyAnswerRow>(oneAnswer, server);
}
