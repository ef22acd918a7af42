import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { SigningKey } from '../protocol/signing.ts';
import { makeOwnFolder } from './own-folder.ts';
import type { Randomness } from './randomness.ts';

/**
 * The server's signing key, kept in a file of one line: `ed25519 <id> <seed in base64>`. Made when there is none.
 *
 * @throws Error when the file is there and is not like that, or cannot be made.
 */
export function loadSigningKey(file: string, randomness: Randomness): SigningKey {
  if (!existsSync(file)) {
    const id = randomness.opaque(6);
    const key = SigningKey.fromSeed(`ed25519:${id}`, randomness.bytes(32));
    makeOwnFolder(dirname(file));
    writeFileSync(file, `ed25519 ${id} ${key.exportSeed()}\n`, { mode: 0o600, flag: 'wx' });
  }
  return readSigningKey(file);
}

/**
 * The signing key of a file.
 *
 * @throws Error naming the file, where it is not there or is no signing key.
 */
export function readSigningKey(file: string): SigningKey {
  const match = /^ed25519 (\S+) (\S+)\s*$/.exec(readFileSync(file, 'utf8'));
  if (!match?.[1] || !match[2]) {
    throw new Error(`${file} is not a signing key: it must hold one line "ed25519 <id> <seed in base64>"`);
  }
  try {
    return SigningKey.fromExportedSeed(`ed25519:${match[1]}`, match[2]);
  } catch (error) {
    throw new Error(`${file} is not a signing key: ${(error as Error).message}`, { cause: error });
  }
}
