import type { JsonObject } from '../../../protocol/json.ts';
import type { Viewer } from '../../../rooms/reading/client-events.ts';
import { streamToken } from '../../../rooms/reading/stream-token.ts';
import {
  withRoomId,
  type MessagePage,
  type RoomSnapshot,
  type RoomSnapshots,
} from '../../../sync/event-stream/index.ts';
import { withReceiptsOf2015 } from '../receipt-shape.ts';
import { v1Events, type ShowsEvents } from './v1-texts.ts';

/** Messages of a room that are given when a client asks for no other number, and at most. */
export const V1_SNAPSHOT_MESSAGES = { default: 10, most: 100 } as const;

/** What shows a room to one who begins to follow it. */
export type ShowsRooms = ShowsEvents & { readonly roomSnapshots: RoomSnapshots };

/** A room as version 1 had it in its initial syncs (schema RoomInfo of 2015). */
export async function v1Snapshot(needs: ShowsRooms, viewer: Viewer, room: RoomSnapshot): Promise<JsonObject> {
  const { roomId, membership, messages } = room;
  const info: JsonObject = { room_id: roomId, visibility: room.isPublished ? 'public' : 'private' };
  if (membership !== undefined) info.membership = membership;
  if (room.invite) {
    const [invite = {}] = await v1Events(needs, viewer, [room.invite]);
    info.invite = { ...invite, invite_room_state: await inviteRoomState(needs, viewer, room) };
    // No text has this key; clients of then read it.
    if (typeof invite.user_id === 'string') info.inviter = invite.user_id;
  }
  if (messages) {
    info.messages = {
      start: streamToken(startOf(messages)),
      end: streamToken(messages.end),
      chunk: await v1Events(needs, viewer, messages.events),
    };
    info.state = await v1Events(needs, viewer, room.state);
  }
  return info;
}

/** What one who is invited is shown of the room (schema "m.room.member" of 2015, `invite_room_state`). */
export async function inviteRoomState(
  { roomSnapshots }: ShowsRooms,
  { userId }: Viewer,
  { roomId }: Pick<RoomSnapshot, 'roomId'>,
): Promise<JsonObject[]> {
  const texts = await roomSnapshots.inviteState(userId, roomId);
  return texts.map((text) => {
    const { type = null, state_key: stateKey = null, content = null } = JSON.parse(text) as JsonObject;
    return { type, state_key: stateKey, content };
  });
}

/** Who read how far in a room, an event that names it ("Receipts" of 2015). */
export function receiptsOf({ roomId, ephemeral }: RoomSnapshot): JsonObject[] {
  const events = ephemeral.map((text) => JSON.parse(withRoomId(text, roomId)) as JsonObject);
  return withReceiptsOf2015(events).filter(({ type }) => type === 'm.receipt');
}

/** The place before the first message; where nothing is before it, asked with, it gives an empty page. */
function startOf({ start, end, events }: MessagePage): number {
  return start ?? (events[0] === undefined ? end : events[0].position - 1);
}
