import { mayHoldOddNumbers, parseExactJson } from '../../protocol/exact-json.ts';
import type { Pdu } from '../../protocol/events/event.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { spelledOut } from '../../protocol/number-spelling.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';
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
  if (namesRoom(event, version)) pdu.room_id = event.roomId;
  return pdu;
}

/** The event for a body that becomes JSON: its numbers are written as its sender wrote them, which its hashes cover. */
export function sentPdu(event: StoredEvent, version: RoomVersion): Pdu {
  const pdu = pduOfEvent(event, version);
  return hasOddNumbers(event, version) ? asSent(pdu, version) : pdu;
}

/** As `sentPdu`, as JSON text that is joined from what is stored. It is not canonical. */
export function sentPduText(event: StoredEvent, version: RoomVersion): string {
  let text = `${event.envelopeText.slice(0, -1)},"content":${event.contentText}`;
  text += `,"origin_server_ts":${event.originServerTs},"sender":${JSON.stringify(event.sender)}`;
  text += `,"type":${JSON.stringify(event.type)}`;
  if (event.stateKey !== undefined) text += `,"state_key":${JSON.stringify(event.stateKey)}`;
  if (version.eventIdFormat === 'server-chosen') text += `,"event_id":${JSON.stringify(event.eventId)}`;
  if (namesRoom(event, version)) text += `,"room_id":${JSON.stringify(event.roomId)}`;
  return `${text}}`;
}

/** From room version 12 on an event that begins a room does not name it. */
function namesRoom({ type, stateKey }: StoredEvent, version: RoomVersion): boolean {
  return !(version.roomIdIsCreateHash && type === 'm.room.create' && stateKey === '');
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
