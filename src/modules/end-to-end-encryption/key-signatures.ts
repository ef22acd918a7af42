import { canonicalJson } from '../../protocol/canonical-json.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../../protocol/json.ts';
import type { CrossSigningRow, SignatureRow } from '../../storage/encryption/device-keys-store.ts';

/** A cross-signing key with the signatures that were added to it. */
export function crossSigningKey(row: CrossSigningRow, signatures: readonly SignatureRow[]): JsonObject {
  const key = JSON.parse(row.key) as JsonObject;
  return withSignatures(key, publicKeyOf(key), signatures);
}

/** The public key, in base64, of a cross-signing key: it has one, and is named for it. */
export function publicKeyOf(key: JsonObject): string {
  const [id = ''] = Object.keys(isJsonObject(key.keys) ? key.keys : {});
  return id.slice(id.indexOf(':') + 1);
}

/** A key with the signatures that were added to it since it was uploaded. `keyId` is a device ID or a master key. */
export function withSignatures(key: JsonObject, keyId: string, rows: readonly SignatureRow[]): JsonObject {
  const signatures: JsonObject = isJsonObject(key.signatures) ? { ...key.signatures } : {};
  for (const row of rows) {
    if (row.key_id === keyId) add(signatures, row.signer, { [row.signer_key_id]: row.signature });
  }
  return { ...key, signatures };
}

/** A key with the signatures of the same key as it was uploaded before; its own where both have one. */
export function withSignaturesOf(key: JsonObject, before: JsonObject | undefined): JsonObject {
  if (!isJsonObject(before?.signatures)) return key;
  const signatures = { ...before.signatures };
  const own = isJsonObject(key.signatures) ? key.signatures : {};
  for (const [signer, made] of Object.entries(own)) add(signatures, signer, made);
  return { ...key, signatures };
}

/** Adds what a signer made to the signatures of a key. */
function add(signatures: JsonObject, signer: string, made: JsonValue | undefined): void {
  const before = signatures[signer];
  signatures[signer] = { ...(isJsonObject(before) ? before : {}), ...(isJsonObject(made) ? made : {}) };
}

/** What is signed of a key. */
export function withoutSignatures({ signatures: _, unsigned: __, ...rest }: JsonObject): JsonObject {
  return rest;
}

/** Whether two keys, or what is signed of them, are equal. */
export function isSame(one: JsonObject | undefined, other: JsonObject | undefined): boolean {
  if (!one || !other) return one === other;
  return canonicalJson(one, { strict: false }) === canonicalJson(other, { strict: false });
}
