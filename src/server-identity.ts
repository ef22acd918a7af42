import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { parseOldKeys } from './federation/keys/own-keys.ts';
import type { Clock } from './platform/clock.ts';
import type { Config } from './platform/config/schema.ts';
import type { Randomness } from './platform/randomness.ts';
import { loadSigningKey } from './platform/signing-key-file.ts';
import { serverName } from './protocol/identifiers.ts';
import type { SigningKey } from './protocol/signing.ts';
import type { Database } from './storage/database.ts';
import * as identityStore from './storage/server-identity-store.ts';
import type { ServerIdentityRow } from './storage/server-identity-store.ts';
import { UnitOfWork } from './storage/unit-of-work.ts';

/** Where the server's signing key is kept. */
export function signingKeyFile(config: Config): string {
  return join(config.data_dir, 'signing.key');
}

/**
 * The server's signing key, which is made at its first start. A database remembers the name and the key of its server: with
 * another name nobody who has an account here would be known any more, and what processes on one database sign with
 * different keys is refused by other servers.
 *
 * @throws Error for the operator where the name or the key is not that of the database, or the key cannot be kept.
 */
export async function openIdentity(
  config: Config,
  database: Database,
  { clock, randomness }: { clock: Clock; randomness: Randomness },
): Promise<SigningKey> {
  const file = signingKeyFile(config);
  const known = await identityStore.get(database);
  if (known) assertSame(config, known, { file, now: clock.now() });
  const key = keyIn(file, randomness);
  const row = {
    server_name: serverName(config.server_name),
    key_id: key.keyId,
    public_key: key.publicKey,
  };
  if (known && isSameKey(known, row)) return key;
  if (known && !isRetired(config, known)) throw new Error(otherKey(file, known, clock.now()));
  const unit = new UnitOfWork();
  if (known) identityStore.replaceKey(unit, known, row);
  else identityStore.insert(unit, row);
  await database.commit(unit);
  const noted = await identityStore.get(database);
  // Another process may have been first.
  if (noted && !isSameKey(noted, row)) throw new Error(otherKey(file, noted, clock.now()));
  return key;
}

function keyIn(file: string, randomness: Randomness): SigningKey {
  try {
    return loadSigningKey(file, randomness);
  } catch (error) {
    throw new Error(`data_dir: ${(error as Error).message}`, { cause: error });
  }
}

function assertSame(
  config: Config,
  known: ServerIdentityRow,
  { file, now }: { file: string; now: number },
): void {
  if (known.server_name !== config.server_name) {
    throw new Error(
      `This database is that of ${known.server_name}, and server_name is ${config.server_name}: the name of a server ` +
        'cannot be changed. Set server_name back, or use another data_dir or database.',
    );
  }
  // It would be made anew.
  if (!existsSync(file) && !isRetired(config, known)) throw new Error(otherKey(file, known, now));
}

function isSameKey(one: ServerIdentityRow, other: ServerIdentityRow): boolean {
  return one.key_id === other.key_id && one.public_key === other.public_key;
}

/** Whether the operator says that the key is an old one. */
function isRetired(config: Config, { key_id, public_key }: ServerIdentityRow): boolean {
  return parseOldKeys(config.federation.old_keys).some(
    ({ keyId, publicKey }) => keyId === key_id && publicKey === public_key,
  );
}

function otherKey(file: string, { key_id, public_key }: ServerIdentityRow, now: number): string {
  return (
    `${file} is not there, or is not the key ${key_id} that this database was used with. All processes on one database ` +
    `need the same file: copy it here. Where it is lost, or to change the key, add ` +
    `"${key_id} ${public_key} ${now}" to federation.old_keys.`
  );
}
