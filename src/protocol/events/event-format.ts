import { canonicalJson } from '../canonical-json.ts';
import {
  fits,
  MAX_IDENTIFIER_BYTES,
  parseEventId,
  parseRoomId,
  parseServerName,
  parseUserId,
  serverNameOf,
  type EventId,
  type RoomId,
  type UserId,
} from '../identifiers.ts';
import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { badJson, MatrixError } from '../matrix-error.ts';
import { spelledAs, spellingIn } from '../number-spelling.ts';
import type { RoomVersion } from '../room-versions.ts';
import { checkHashes } from './event-hashes.ts';
import { roomIdOfCreateId } from './event-id.ts';
import type { Pdu, RoomEvent } from './event.ts';

/** Largest event as canonical JSON, signatures included, in bytes. */
export const MAX_EVENT_BYTES = 65_536;
const MAX_AUTH_EVENTS = 10;
export const MAX_PREV_EVENTS = 20;

const LIMITED_KEYS = ['type', 'state_key', 'sender', 'room_id', 'event_id'] as const;

/**
 * A received value as an event of this room version: the type of every key, the limits, identifiers, and canonical JSON
 * ("Event format" of the room version; Client-Server API, "Size limits"). Unknown keys are kept, since the hashes cover
 * them. Whether signatures and hashes are right, and authorisation, is not looked at; `hashes` and `signatures` may be
 * absent, as in the event templates of `make_join`.
 *
 * @throws MatrixError 400 M_BAD_JSON, or 413 M_TOO_LARGE over the size limits; the message names the key.
 */
export function parsePdu(value: unknown, version: RoomVersion): Pdu {
  const pdu = parsePduForm(value, version);
  checkEventSize(pdu, canonicalJson(pdu, { strict: version.strictCanonicalJson }), version);
  return pdu;
}

/** As `parsePdu`, for who encodes the event anyway: the event's size, and whether it can be encoded, is for the caller. */
export function parsePduForm(value: unknown, version: RoomVersion): Pdu {
  if (!isJsonObject(value)) throw badJson('An event must be a JSON object');
  const pdu: Pdu = {
    ...value,
    type: textWithoutNul(value, 'type'),
    sender: text(value, 'sender'),
    content: object(value, 'content'),
    origin_server_ts: integer(value, 'origin_server_ts'),
    depth: depthOf(value, version),
  };
  if (pdu.state_key !== undefined) textWithoutNul(pdu, 'state_key');
  for (const key of ['hashes', 'signatures', 'unsigned']) {
    if (pdu[key] !== undefined) object(pdu, key);
  }
  if (isJsonObject(pdu.hashes)) checkHashes(pdu.hashes, 'hashes');
  checkKeySizes(pdu, version);
  checkIdentifiers(pdu, version);
  checkReferences(pdu, 'auth_events', MAX_AUTH_EVENTS, version);
  checkReferences(pdu, 'prev_events', MAX_PREV_EVENTS, version);
  return pdu;
}

/**
 * Refuses an event over the size limits: 65,536 bytes in all, 255 bytes for each of `type`, `state_key`, `sender`,
 * `room_id` and `event_id` (Client-Server API, "Size limits").
 *
 * @param json the event's canonical JSON, signatures included.
 * @param version of the room, for events of other servers: before version 11 they let 255 characters through for 255 bytes.
 * @throws MatrixError 413 M_TOO_LARGE.
 */
export function checkEventSize(pdu: Pdu, json: string, version?: RoomVersion): void {
  checkKeySizes(pdu, version);
  if (!fits(json, MAX_EVENT_BYTES)) {
    throw new MatrixError(
      413,
      'M_TOO_LARGE',
      `The event is ${Buffer.byteLength(json)} bytes long; at most ${MAX_EVENT_BYTES} are allowed`,
    );
  }
}

/**
 * The event as the rules see it.
 *
 * @param pdu an event that `parsePdu` accepted, or one of this server's own.
 * @param roomIdHint the room, for an event that does not say; the create event of version 12 needs none.
 * @throws MatrixError 400 M_BAD_JSON when neither the event nor the hint says which room.
 */
export function toRoomEvent(
  pdu: Pdu,
  eventId: EventId,
  version: RoomVersion,
  roomIdHint?: RoomId,
): RoomEvent {
  return {
    eventId,
    roomId: roomOf(pdu, eventId, version, roomIdHint),
    type: pdu.type,
    stateKey: typeof pdu.state_key === 'string' ? pdu.state_key : undefined,
    sender: pdu.sender as UserId,
    content: pdu.content,
    originServerTs: pdu.origin_server_ts,
    depth: pdu.depth,
    authEventIds: authEventIdsOf(pdu),
    prevEventIds: prevEventIdsOf(pdu),
    redacts: redactsOf(pdu, version),
  };
}

/** The event that a redaction redacts: in `content` from room version 11 on, before that at the top level. */
function redactsOf(pdu: Pdu, version: RoomVersion): EventId | undefined {
  if (pdu.type !== 'm.room.redaction') return undefined;
  const redacts: JsonValue | undefined = version.updatedRedaction ? pdu.content.redacts : pdu.redacts;
  return typeof redacts === 'string' ? parseEventId(redacts) : undefined;
}

/** The IDs of the events that authorise this one, from either format of `auth_events`. */
export function authEventIdsOf(pdu: Pdu): EventId[] {
  return referencesOf(pdu.auth_events);
}

/** The IDs of the events before this one, from either format of `prev_events`. */
export function prevEventIdsOf(pdu: Pdu): EventId[] {
  return referencesOf(pdu.prev_events);
}

/** Whether an event is one that has no `room_id` because its own hash makes it (room version 12 and later). */
function isRoomIdFoundedBy(pdu: JsonObject, version: RoomVersion): boolean {
  return version.roomIdIsCreateHash && pdu.type === 'm.room.create' && pdu.state_key === '';
}

/** The `room_id` of an event when it carries a valid one. */
function roomIdIn(pdu: JsonObject): RoomId | undefined {
  return typeof pdu.room_id === 'string' ? parseRoomId(pdu.room_id) : undefined;
}

function roomOf(pdu: Pdu, eventId: EventId, version: RoomVersion, hint: RoomId | undefined): RoomId {
  if (isRoomIdFoundedBy(pdu, version)) return roomIdOfCreateId(eventId);
  const found = roomIdIn(pdu) ?? hint;
  if (found === undefined) throw badJson('room_id must be a room ID');
  return found;
}

function checkKeySizes(pdu: Pdu, version: RoomVersion | undefined): void {
  const inCharacters = version?.identifierBytesLimited === false;
  for (const key of LIMITED_KEYS) {
    const value = pdu[key];
    if (typeof value !== 'string' || fits(value)) continue;
    if (!inCharacters || [...value].length > MAX_IDENTIFIER_BYTES) {
      const message = `${key} is longer than the ${MAX_IDENTIFIER_BYTES} bytes of UTF-8 allowed`;
      throw new MatrixError(413, 'M_TOO_LARGE', message);
    }
  }
}

function checkIdentifiers(pdu: Pdu, version: RoomVersion): void {
  if (parseUserId(pdu.sender) === undefined) throw badJson('sender must be a user ID, @localpart:server');
  if (isRoomIdFoundedBy(pdu, version)) {
    if (pdu.room_id !== undefined) throw badJson(`A create event of version ${version.id} has no room_id`);
  } else if (roomIdIn(pdu) === undefined) {
    throw badJson('room_id must be a room ID');
  }
  if (version.eventIdFormat === 'server-chosen' && !isOfServer(text(pdu, 'event_id'))) {
    throw badJson('event_id must be an event ID, $opaque:server');
  }
}

/** An ID that names no server could be that of an event of a newer room. */
function isOfServer(eventId: string): boolean {
  const server = parseEventId(eventId) && serverNameOf(eventId as EventId);
  return server !== undefined && parseServerName(server) !== undefined;
}

function checkReferences(pdu: Pdu, key: string, limit: number, version: RoomVersion): void {
  const references = pdu[key];
  if (!Array.isArray(references)) throw badJson(`${key} must be an array of event references`);
  if (references.length > limit)
    throw badJson(`${key} has ${references.length} entries; ${limit} are allowed`);
  const pairs = version.eventIdFormat === 'server-chosen';
  for (const reference of references) {
    const id = pairs ? idOfPair(reference, key) : reference;
    if (typeof id === 'string' && parseEventId(id) !== undefined) continue;
    throw badJson(`Entries of ${key} must be ${pairs ? 'pairs of event ID and hashes' : 'event IDs'}`);
  }
}

function idOfPair(reference: JsonValue, key: string): JsonValue | undefined {
  if (!Array.isArray(reference) || reference.length !== 2 || !isJsonObject(reference[1])) return undefined;
  checkHashes(reference[1], key);
  return reference[0];
}

/** The IDs in a list of references to events, in either format: IDs, or pairs of ID and hashes. */
export function referencesOf(references: JsonValue | undefined): EventId[] {
  if (!Array.isArray(references)) return [];
  const ids: EventId[] = [];
  for (const reference of references) {
    const id = Array.isArray(reference) ? reference[0] : reference;
    if (typeof id === 'string') ids.push(id as EventId);
  }
  return ids;
}

function depthOf(value: JsonObject, version: RoomVersion): number {
  const { depth } = value;
  const max = version.strictCanonicalJson ? Number.MAX_SAFE_INTEGER : 2 ** 63;
  if (typeof depth === 'number' && Number.isInteger(depth) && depth >= 0 && depth <= max) return depth;
  throw badJson(`depth must be an integer from 0 to ${version.strictCanonicalJson ? '2^53-1' : '2^63-1'}`);
}

function integer(value: JsonObject, key: string): number {
  const found = value[key];
  if (typeof found === 'number' && Number.isSafeInteger(found)) {
    // It is kept as a number, so it must be written as one is.
    if (spelledAs(spellingIn(value), key, found) === undefined) return found;
  }
  throw badJson(`${key} must be an integer between -(2^53)+1 and (2^53)-1`);
}

function object(value: JsonObject, key: string): JsonObject {
  const found = value[key];
  if (isJsonObject(found)) return found;
  throw badJson(`${key} must be an object`);
}

function text(value: JsonObject, key: string): string {
  const found = value[key];
  if (typeof found === 'string') return found;
  throw badJson(`${key} must be a string`);
}

function textWithoutNul(value: JsonObject, key: string): string {
  const found = text(value, key);
  if (!found.includes('\0')) return found;
  throw badJson(`${key} must not contain NUL`);
}
