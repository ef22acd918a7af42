import { fits } from '../identifiers.ts';
import type { JsonObject } from '../json.ts';
import { badJson } from '../matrix-error.ts';

/** Hashes that may be listed together, and bytes of the name and of the value of each: SHA-512 takes 86. */
const MAX_HASHES = 8;
const MAX_NAME_BYTES = 32;
const MAX_VALUE_BYTES = 128;

/**
 * Refuses hashes in which data could be hidden: redaction leaves them, so their number and length are limited
 * (specification of October 2015, "Signing Events"). Names of functions that nobody knows yet are allowed.
 *
 * @param key names them in the message.
 * @throws MatrixError 400 M_BAD_JSON.
 */
export function checkHashes(hashes: JsonObject, key: string): void {
  const entries = Object.entries(hashes);
  if (entries.length > MAX_HASHES) {
    throw badJson(`${key} has ${entries.length} hashes; ${MAX_HASHES} are allowed`);
  }
  for (const [name, value] of entries) {
    if (fits(name, MAX_NAME_BYTES) && typeof value === 'string' && fits(value, MAX_VALUE_BYTES)) continue;
    throw badJson(
      `Hashes in ${key} must be strings of at most ${MAX_VALUE_BYTES} bytes, under names of at most ${MAX_NAME_BYTES}`,
    );
  }
}
