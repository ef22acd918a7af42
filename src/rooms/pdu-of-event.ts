import type { Pdu } from '../protocol/events/event.ts';
import type { RoomVersion } from '../protocol/room-versions.ts';
import type { StoredEvent } from './stored-event.ts';

/** The event as servers exchange it, put together from its columns. */
export function pduOfEvent(event: StoredEvent, version: RoomVersion): Pdu {
  const pdu: Pdu = {
    ...event.envelope,
    content: event.content,
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
