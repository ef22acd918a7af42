import type { FederatingServer, TestFederation } from '../../../testing/federation.ts';
import { RemoteRoom, type RemoteEvent } from '../../../testing/remote-room.ts';
import { RemoteServer } from '../../../testing/remote-server.ts';
import type { Json, TestClient } from '../../../testing/test-client.ts';

/** A room with a guest of another server, who makes events by hand. */
export interface Scene {
  readonly alice: TestClient;
  readonly roomId: string;
  readonly room: RemoteRoom;
  readonly remote: RemoteServer;
  readonly a: FederatingServer;
}

/** Runs a test in a room of Alice's, in which a remote server of the test's has a user with power 50. */
export async function inRoom(
  { a, authority }: TestFederation,
  wishes: object,
  run: (scene: Scene) => Promise<void>,
): Promise<void> {
  const remote = await RemoteServer.start(authority);
  try {
    const alice = await a.person('alice');
    const levels = { users: { [alice.userId]: 100, [`@mallory:${remote.name}`]: 50 } };
    const roomId = await alice.createRoom({
      preset: 'public_chat',
      room_version: '10',
      power_level_content_override: levels,
      ...wishes,
    });
    const room = await RemoteRoom.join(remote, a.name, roomId);
    await run({ alice, roomId, room, remote, a });
  } finally {
    await remote.close();
  }
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
