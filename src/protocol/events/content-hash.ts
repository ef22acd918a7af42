import { hash } from 'node:crypto';
import { decodeBase64 } from '../base64.ts';
import { canonicalMembers, joinMembers } from '../canonical-json.ts';
import { isJsonObject } from '../json.ts';
import type { RoomVersion } from '../room-versions.ts';
import type { Pdu } from './event.ts';

/** Top-level keys that the content hash does not cover. */
export const NOT_CONTENT_HASHED: ReadonlySet<string> = new Set(['unsigned', 'signatures', 'hashes']);

/**
 * The SHA-256 of the whole event without `unsigned`, `signatures` and `hashes` (Server-Server API, "Calculating the
 * content hash for an event").
 *
 * @throws MatrixError 400 M_BAD_JSON for an event that canonical JSON cannot express.
 */
export function contentHash(pdu: Pdu, version: RoomVersion): Buffer {
  const members = canonicalMembers(pdu, { strict: version.strictCanonicalJson });
  const text = joinMembers(members.filter(({ key }) => !NOT_CONTENT_HASHED.has(key)));
  return hash('sha256', text, 'buffer');
}

/**
 * Whether the event's `hashes.sha256` is its content hash. When it is not, use the redacted event (Server-Server API,
 * "Validating hashes and signatures on received events").
 */
export function contentHashMatches(pdu: Pdu, version: RoomVersion): boolean {
  const claimed = isJsonObject(pdu.hashes) ? pdu.hashes.sha256 : undefined;
  if (typeof claimed !== 'string') return false;
  return decodeBase64(claimed)?.equals(contentHash(pdu, version)) ?? false;
}
