import { mayHoldOddNumbers, parseExactJson } from '../protocol/exact-json.ts';
import type { Pdu } from '../protocol/events/event.ts';
import type { JsonObject } from '../protocol/json.ts';
import { spelledOut } from '../protocol/number-spelling.ts';
import type { RoomVersion } from '../protocol/room-versions.ts';
import type { StoredEvent } from './stored-event.ts';

/** The event as servers exchange it, put together from its columns. To send it, take `sentPdu`. */
export function pduOfEvent(event: StoredEvent, version: RoomVersion): Pdu {
  const isOdd = hasOddNumbers(event, version);
  const envelope = isOdd ? (parseExactJson(event.envelopeText) as JsonObject) : event.envelope;
  const pdu: Pdu = {
    ...envelope,
    content: isOdd ? (parseExactJson(event.contentText) as JsonObject) : event.content,
    depth: event.depth,
    origin_server_ts: event.originServerTs,
    sender: event.sender,
    type: event.type,
  };
  if (event.stateKey !== undefined) pdu.state_key = event.stateKey;
  if (version.eventIdFormat === 'server-chosen') pdu.event_id = event.eventId;
  if (!(version.roomIdIsCreateHash && event.type === 'm.room.create' && event.stateKey === '')) {
    pdu.room_id = event.roomId;
  }
  return pdu;
}

/** The event for a body that becomes JSON: its numbers are written as its sender wrote them, which its hashes cover. */
export function sentPdu(event: StoredEvent, version: RoomVersion): Pdu {
  const pdu = pduOfEvent(event, version);
  return hasOddNumbers(event, version) ? asSent(pdu, version) : pdu;
}

/** An event that was put together, for a body that becomes JSON. */
export function asSent(pdu: Pdu, version: RoomVersion): Pdu {
  return version.strictCanonicalJson ? pdu : (spelledOut(pdu) as Pdu);
}

/** Room versions up to 5 take numbers that are not written as JavaScript writes them. */
function hasOddNumbers(event: StoredEvent, version: RoomVersion): boolean {
  if (version.strictCanonicalJson) return false;
  return mayHoldOddNumbers(event.contentText) || mayHoldOddNumbers(event.envelopeText);
}
