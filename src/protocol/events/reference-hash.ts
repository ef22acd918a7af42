import { hash } from 'node:crypto';
import { canonicalJson } from '../canonical-json.ts';
import type { RoomVersion } from '../room-versions.ts';
import type { Pdu } from './event.ts';
import { redact } from './redaction.ts';

/**
 * Canonical JSON of the redacted event without `signatures` and `unsigned`: what servers sign, and what the reference
 * hash is of.
 *
 * @throws MatrixError 400 M_BAD_JSON for an event that canonical JSON cannot express.
 */
export function referenceJson(pdu: Pdu, version: RoomVersion): string {
  const essential = redact(pdu, version);
  delete essential.signatures;
  return canonicalJson(essential, { strict: version.strictCanonicalJson });
}

/**
 * The reference hash, SHA-256 (Server-Server API, "Calculating the reference hash for an event").
 *
 * @throws MatrixError 400 M_BAD_JSON for an event that canonical JSON cannot express.
 */
export function referenceHash(pdu: Pdu, version: RoomVersion): Buffer {
  return hash('sha256', referenceJson(pdu, version), 'buffer');
}
