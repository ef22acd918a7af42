import { hash } from 'node:crypto';
import { base64 } from './base64.ts';
import { canonicalJson, canonicalMembers, joinMembers, type CanonicalMember } from './canonical-json.ts';
import { NOT_CONTENT_HASHED } from './events/content-hash.ts';
import { eventIdOf, eventIdOfHash } from './events/event-id.ts';
import type { Pdu } from './events/event.ts';
import { redactContent, survivesRedaction } from './events/redaction.ts';
import { referenceJson } from './events/reference-hash.ts';
import type { EventId, ServerName } from './identifiers.ts';
import { isJsonObject, type JsonObject } from './json.ts';
import { MatrixError } from './matrix-error.ts';
import type { RoomVersion } from './room-versions.ts';
import type { SigningKey, VerifyKey } from './signing-keys.ts';

export { contentHashMatches } from './events/content-hash.ts';
export { SigningKey, VerifyKey } from './signing-keys.ts';

/** An event ready to be stored and sent. */
export interface FinishedPdu {
  readonly pdu: Pdu;
  readonly eventId: EventId;
  /** The whole event as canonical JSON, signatures included. */
  readonly json: string;
  /** Its keys, encoded. */
  readonly members: readonly CanonicalMember[];
}

/**
 * The object with this entity's signature added to its `signatures` (Appendices, "Signing JSON"). Neither `signatures`
 * nor `unsigned` is signed.
 *
 * @param signer a server name, or a user ID for cross-signing.
 * @throws MatrixError 400 M_BAD_JSON for an object that canonical JSON cannot express.
 */
export function signJson<T extends JsonObject>(
  object: T,
  signer: string,
  key: SigningKey,
): T & { signatures: JsonObject } {
  const signature = key.sign(signedText(object));
  return { ...object, signatures: withSignature(object, signer, key.keyId, signature) };
}

/**
 * Whether the object carries a valid signature of this entity by this key (Appendices, "Checking for a Signature").
 * False, never an error, for whatever is malformed.
 */
export function verifyJson(object: JsonObject, signer: string, keyId: string, key: VerifyKey): boolean {
  const signature = signatureOf(object, signer, keyId);
  if (signature === undefined) return false;
  return checked(() => key.verify(signedText(object), signature));
}

/** The base64 signature that an object claims to have of an entity and key. */
export function signatureOf(object: JsonObject, signer: string, keyId: string): string | undefined {
  const signature = ownObject(ownObject(object, 'signatures'), signer);
  const found = Object.hasOwn(signature, keyId) ? signature[keyId] : undefined;
  return typeof found === 'string' ? found : undefined;
}

/** The event with its content hash and this server's signature: `finishPdu` for who needs the event alone. */
export function signPdu(pdu: Pdu, version: RoomVersion, server: ServerName, key: SigningKey): Pdu {
  return finishPdu(pdu, version, server, key).pdu;
}

/**
 * Another server's event with this server's signature added, its hashes untouched; for invites and for joins that this
 * server vouches for.
 *
 * @throws MatrixError 400 M_BAD_JSON for an event that canonical JSON cannot express.
 */
export function countersignPdu(pdu: Pdu, version: RoomVersion, server: ServerName, key: SigningKey): Pdu {
  const signature = key.sign(referenceJson(pdu, version));
  return { ...pdu, signatures: withSignature(pdu, server, key.keyId, signature) };
}

/** Whether the event carries a valid signature of this server by this key. False for whatever is malformed. */
export function verifyPduSignature(
  pdu: Pdu,
  version: RoomVersion,
  server: ServerName,
  keyId: string,
  key: VerifyKey,
): boolean {
  const signature = signatureOf(pdu, server, keyId);
  if (signature === undefined) return false;
  return checked(() => key.verify(referenceJson(pdu, version), signature));
}

/**
 * Hashes, signs and names a new event (Server-Server API, "Adding hashes and signatures to outgoing events"). Every key
 * is encoded once, and the text that is signed also gives the event ID. The event given is not changed; `hashes` that it
 * has are replaced, signatures are kept.
 *
 * @throws MatrixError 400 M_BAD_JSON for an event that canonical JSON cannot express, or (versions 1, 2) without
 *   `event_id`.
 */
export function finishPdu(
  unfinished: Pdu,
  version: RoomVersion,
  server: ServerName,
  key: SigningKey,
): FinishedPdu {
  const options = { strict: version.strictCanonicalJson };
  const members = canonicalMembers({ ...unfinished, hashes: {}, signatures: {} }, options);
  const hashed = joinMembers(members.filter((member) => !NOT_CONTENT_HASHED.has(member.key)));
  const sha256 = base64(hash('sha256', hashed, 'buffer'));
  const hashes: CanonicalMember = { key: 'hashes', text: `"hashes":{"sha256":"${sha256}"}` };

  const left = redactContent(unfinished.type, unfinished.content, version);
  const content = { key: 'content', text: `"content":${canonicalJson(left, options)}` };
  const essential = members.filter(({ key }) => key !== 'signatures' && survivesRedaction(key, version));
  const signed = joinMembers(replace(replace(essential, hashes), content));
  const signatures = withSignature(unfinished, server, key.keyId, key.sign(signed));
  const signatureMember = { key: 'signatures', text: `"signatures":${canonicalJson(signatures, options)}` };

  const finished = replace(replace(members, hashes), signatureMember);
  return {
    pdu: { ...unfinished, hashes: { sha256 }, signatures },
    eventId:
      version.eventIdFormat === 'server-chosen'
        ? eventIdOf(unfinished, version)
        : eventIdOfHash(hash('sha256', signed, 'buffer'), version),
    json: joinMembers(finished),
    members: finished,
  };
}

function replace(members: readonly CanonicalMember[], by: CanonicalMember): CanonicalMember[] {
  return members.map((member) => (member.key === by.key ? by : member));
}

/**
 * The text that a signature of an object covers: its canonical JSON without `signatures` and `unsigned`.
 *
 * @throws MatrixError 400 M_BAD_JSON for an object that canonical JSON cannot express.
 */
export function signedText(object: JsonObject): string {
  return canonicalJson({ ...object, signatures: undefined, unsigned: undefined }, { strict: false });
}

function withSignature(object: JsonObject, signer: string, keyId: string, signature: string): JsonObject {
  const signatures = ownObject(object, 'signatures');
  return { ...signatures, [signer]: { ...ownObject(signatures, signer), [keyId]: signature } };
}

function ownObject(object: JsonObject, key: string): JsonObject {
  const found = Object.hasOwn(object, key) ? object[key] : undefined;
  return isJsonObject(found) ? found : {};
}

function checked(verification: () => boolean): boolean {
  try {
    return verification();
  } catch (error) {
    if (error instanceof MatrixError) return false;
    throw error;
  }
}
