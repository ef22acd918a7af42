import { hash } from 'node:crypto';
import { decodeBase64 } from '../base64.ts';
import { canonicalJson, canonicalMembers, joinMembers, type CanonicalMember } from '../canonical-json.ts';
import { isJsonObject } from '../json.ts';
import type { RoomVersion } from '../room-versions.ts';
import { NOT_CONTENT_HASHED } from './content-hash.ts';
import { checkEventSize, parsePduForm } from './event-format.ts';
import { eventIdOf, eventIdOfHash } from './event-id.ts';
import type { Pdu } from './event.ts';
import { redactContent, survivesRedaction } from './redaction.ts';
import type { EventId } from '../identifiers.ts';

/** An event as another server gave it, with what is needed to check it. */
export interface ReceivedPdu {
  readonly pdu: Pdu;
  readonly eventId: EventId;
  /** The text that its servers signed, as `referenceJson` gives it. */
  readonly signedText: string;
  /** Whether its content hash is right, as `contentHashMatches` says. */
  readonly hashMatches: boolean;
  /** Its keys, encoded. */
  readonly members: readonly CanonicalMember[];
}

/**
 * Reads an event of another server as `parsePdu` does, and works out its ID, its content hash and what is signed of it.
 * Every key is encoded once for all of that.
 *
 * @throws MatrixError as `parsePdu` and `eventIdOf`.
 */
export function readReceivedPdu(value: unknown, version: RoomVersion): ReceivedPdu {
  const pdu = parsePduForm(value, version);
  const options = { strict: version.strictCanonicalJson };
  const members = canonicalMembers(pdu, options);
  checkEventSize(pdu, joinMembers(members), version);
  const signedText = joinMembers(signedMembers(pdu, members, version));
  const eventId =
    version.eventIdFormat === 'server-chosen'
      ? eventIdOf(pdu, version)
      : eventIdOfHash(hash('sha256', signedText, 'buffer'), version);
  return { pdu, eventId, signedText, hashMatches: hashMatches(pdu, members), members };
}

function signedMembers(
  pdu: Pdu,
  members: readonly CanonicalMember[],
  version: RoomVersion,
): CanonicalMember[] {
  const left = redactContent(pdu.type, pdu.content, version);
  const signed: CanonicalMember[] = [];
  for (const member of members) {
    const { key } = member;
    if (key === 'signatures' || !survivesRedaction(key, version)) continue;
    const isRedacted = key === 'content' && left !== pdu.content;
    const text = () => `"content":${canonicalJson(left, { strict: version.strictCanonicalJson })}`;
    signed.push(isRedacted ? { key, text: text() } : member);
  }
  return signed;
}

function hashMatches(pdu: Pdu, members: readonly CanonicalMember[]): boolean {
  const claimed = isJsonObject(pdu.hashes) ? pdu.hashes.sha256 : undefined;
  if (typeof claimed !== 'string') return false;
  const text = joinMembers(members.filter(({ key }) => !NOT_CONTENT_HASHED.has(key)));
  return decodeBase64(claimed)?.equals(hash('sha256', text, 'buffer')) ?? false;
}
