import { base64, base64Url } from '../base64.ts';
import { parseEventId, type EventId, type RoomId } from '../identifiers.ts';
import { badJson } from '../matrix-error.ts';
import type { RoomVersion } from '../room-versions.ts';
import type { Pdu } from './event.ts';
import { referenceHash } from './reference-hash.ts';

/**
 * The ID of an event: its `event_id` in room versions 1 and 2, from 3 on made of its reference hash ("Event IDs" of the
 * room version).
 *
 * @throws MatrixError 400 M_BAD_JSON for an event without a valid `event_id` (1, 2) or that canonical JSON cannot
 *   express.
 */
export function eventIdOf(pdu: Pdu, version: RoomVersion): EventId {
  if (version.eventIdFormat === 'server-chosen') return ownEventId(pdu);
  return eventIdOfHash(referenceHash(pdu, version), version);
}

/** The event ID that a reference hash gives in this room version. */
export function eventIdOfHash(hash: Buffer, version: RoomVersion): EventId {
  return `$${version.eventIdFormat === 'hash-base64' ? base64(hash) : base64Url(hash)}` as EventId;
}

/** The room ID that a create event founds from room version 12 on: its event ID under the sigil `!`. */
export function roomIdOfCreate(create: Pdu, version: RoomVersion): RoomId {
  return roomIdOfCreateId(eventIdOf(create, version));
}

/** As `roomIdOfCreate`, when the event ID is known. */
export function roomIdOfCreateId(eventId: EventId): RoomId {
  return `!${eventId.slice(1)}` as RoomId;
}

function ownEventId(pdu: Pdu): EventId {
  const id = typeof pdu.event_id === 'string' ? parseEventId(pdu.event_id) : undefined;
  if (id === undefined) throw badJson('event_id must be an event ID: room versions 1 and 2 require it');
  return id;
}
