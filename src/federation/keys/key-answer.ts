import type { ServerName } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import { VerifyKey, verifyJson } from '../../protocol/signing.ts';
import type { ServerKeyRow } from '../../storage/federation/server-keys-store.ts';

/** Keys are asked for again after this many milliseconds, whatever their server says. */
const LONGEST_MS = 7 * 24 * 3_600_000;
const MOST_KEYS = 50;

/** What a server says of its keys, checked. */
export interface KeyAnswer {
  readonly keys: readonly ServerKeyRow[];
  /** Milliseconds: what is signed later needs a newer answer. */
  readonly validUntil: number;
  readonly text: string;
}

/**
 * Checks a server's answer about its keys (Server-Server API, "Publishing Keys"): it must be of that server, and signed
 * with the keys that it says are in use. Keys that did not sign it are left out.
 *
 * @param now milliseconds since the epoch.
 * @returns undefined when there is nothing to be believed in it.
 */
export function parseKeyAnswer(body: JsonObject, server: ServerName, now: number): KeyAnswer | undefined {
  const { valid_until_ts: until } = body;
  if (body.server_name !== server || typeof until !== 'number' || !Number.isFinite(until)) return undefined;
  const validUntil = Math.floor(Math.min(until, now + LONGEST_MS));
  const current = publicKeys(body.verify_keys)
    .filter(({ keyId, key }) => verifyJson(body, server, keyId, key))
    .map(({ keyId, key }) => ({ key_id: keyId, public_key: key.publicKey, valid_until: validUntil }));
  if (current.length === 0) return undefined;
  const old = publicKeys(body.old_verify_keys).flatMap(({ keyId, key, entry }) => {
    const expired = entry.expired_ts;
    if (typeof expired !== 'number' || !Number.isFinite(expired)) return [];
    return [{ key_id: keyId, public_key: key.publicKey, valid_until: Math.floor(Math.min(expired, now)) }];
  });
  const inUse = new Set(current.map((row) => row.key_id));
  const keys = [...current, ...old.filter((row) => !inUse.has(row.key_id))];
  return { keys, validUntil, text: JSON.stringify(body) };
}

function publicKeys(value: unknown): { keyId: string; key: VerifyKey; entry: JsonObject }[] {
  if (!isJsonObject(value)) return [];
  return Object.entries(value)
    .slice(0, MOST_KEYS)
    .flatMap(([keyId, entry]) => {
      if (!keyId.startsWith('ed25519:') || !isJsonObject(entry) || typeof entry.key !== 'string') return [];
      const key = importKey(entry.key);
      return key === undefined ? [] : [{ keyId, key, entry }];
    });
}

function importKey(publicKey: string): VerifyKey | undefined {
  try {
    return VerifyKey.of(publicKey);
  } catch (error) {
    if (error instanceof MatrixError) return undefined;
    throw error;
  }
}
