import type { TestFederation } from '../../../testing/federation/federation.ts';
import type { RemoteEvent } from '../../../testing/federation/remote-room.ts';
import type { RemoteServer } from '../../../testing/federation/remote-server.ts';
import { roomWithGuest, type RoomWithGuest } from '../../../testing/federation/room-with-guest.ts';
import type { Json, TestClient } from '../../../testing/client/test-client.ts';

/** A room whose guest may change its state and redact, but not its power levels. */
export function roomWithModerator(federation: TestFederation, version = '10'): Promise<RoomWithGuest> {
  return roomWithGuest(federation, { room_version: version, guestPower: 50 });
}

/** What somebody sees of a room, the oldest first. */
export async function timeline(person: TestClient, roomId: string): Promise<Json[]> {
  const page = await person.ok('GET', person.room(roomId, '/messages?dir=b&limit=100'));
  return (page.chunk as Json[]).reverse();
}

/** Answers what the server asks about events: missing ones, single ones, states. */
export function serve(
  remote: RemoteServer,
  events: readonly RemoteEvent[],
  states: Record<string, RemoteEvent[]> = {},
): void {
  remote.answer = ({ url, body }) => {
    const path = decodeURIComponent(url);
    if (path.includes('/get_missing_events/')) {
      const earliest = new Set<string>(body.earliest_events);
      return {
        status: 200,
        body: { events: events.filter((one) => !earliest.has(one.eventId)).map(({ pdu }) => pdu) },
      };
    }
    const single = events.find(({ eventId }) => path.endsWith(`/event/${eventId}`));
    if (single) return { status: 200, body: { pdus: [single.pdu] } };
    const at = /state_ids\/.*event_id=(.*)$/.exec(path)?.[1];
    const state = at === undefined ? undefined : states[at];
    if (!state) return undefined;
    const ids = state.map(({ eventId }) => eventId);
    return { status: 200, body: { pdu_ids: ids, auth_chain_ids: ids } };
  };
}
