import type { ClientEvents, Viewer } from '../../../rooms/reading/client-events.ts';
import type { StoredEvent } from '../../../rooms/events/stored-event.ts';
import { streamToken } from '../../../rooms/reading/stream-token.ts';
import type { RoomSnapshot } from '../../../sync/event-stream/index.ts';

/** Messages of a room that are given when a client asks for no other number, and at most. */
export const SNAPSHOT_MESSAGES = { default: 10, most: 100 } as const;

/** A room as initial syncs give it (Client-Server API, schema RoomInfo), as JSON text. */
export async function roomSnapshotText(
  clientEvents: ClientEvents,
  viewer: Viewer,
  room: RoomSnapshot,
): Promise<string> {
  const { roomId, membership, invite, messages } = room;
  const texts = async (events: readonly StoredEvent[]) =>
    (await clientEvents.bundledTexts(events, viewer, { roomId })).join(',');
  let text = `{"room_id":${JSON.stringify(roomId)},"visibility":"${room.isPublished ? 'public' : 'private'}"`;
  if (membership !== undefined) text += `,"membership":"${membership}"`;
  if (invite) text += `,"invite":${await texts([invite])}`;
  if (messages) {
    const start = messages.start === undefined ? '' : `"start":"${streamToken(messages.start)}",`;
    const chunk = await texts(messages.events);
    text += `,"messages":{${start}"end":"${streamToken(messages.end)}","chunk":[${chunk}]}`;
    text += `,"state":[${await texts(room.state)}]`;
  }
  return `${text},"account_data":[${room.accountData.join(',')}]}`;
}
