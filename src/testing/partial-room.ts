import { eventIdOf } from '../protocol/events/event-id.ts';
import type { TestFederation } from './federation.ts';
import type { RemoteRoom } from './remote-room.ts';
import type { RemoteServer } from './remote-server.ts';
import { roomWithGuest } from './room-with-guest.ts';
import type { Json, TestClient } from './test-client.ts';

/** A filter with which a client is shown a room before its members are known. */
export const LAZY = { filter: JSON.stringify({ room: { state: { lazy_load_members: true } } }) };

/** A room that Bob's server has joined without its whole state yet. */
export interface PartialRoom {
  readonly alice: TestClient;
  readonly bob: TestClient;
  /** The room as Mallory's server has it. */
  readonly room: RemoteRoom;
  readonly remote: RemoteServer;
  /** Lets the whole state come, or fail to come. */
  readonly complete: (isGiven: boolean) => void;
}

interface Wishes {
  /** The power level of Mallory. */
  readonly guestPower?: number;
  /** The power that it takes to set the topic. */
  readonly topicPower?: number;
  /** What happens before Bob joins. */
  readonly before?: (scene: Omit<PartialRoom, 'complete'> & { readonly roomId: string }) => Promise<void>;
}

/**
 * Runs something while a room of Alice's with a remote server in it is partial on the server of Bob, who joined it. The room
 * has a name, so that none of its members is told with it.
 */
export async function whilePartial(
  federation: TestFederation,
  run: (scene: PartialRoom) => Promise<void>,
  { guestPower, topicPower = 50, before }: Wishes = {},
): Promise<void> {
  const { a, b } = federation;
  const { alice, roomId, room, remote } = await roomWithGuest(federation, {
    ...{ name: 'large', guestPower, room_version: guestPower === undefined ? '12' : '11' },
    power_level_content_override: { events: { 'm.room.topic': topicPower } },
  });
  const bob = await b.person('bob');
  await before?.({ alice, bob, room, remote, roomId });
  await (await a.person('carol')).join(roomId);
  const gathering = b.server.services.eventGathering;
  const stateBefore = gathering.stateBefore.bind(gathering);
  const gate = Promise.withResolvers<boolean>();
  gathering.stateBefore = async (...asked) => ((await gate.promise) ? stateBefore(...asked) : undefined);
  try {
    await bob.join(roomId, a.name);
    const join = await remote.until(() => remote.pdus.find((pdu: Json) => pdu.state_key === bob.userId));
    room.take({ pdu: join, eventId: eventIdOf(join, room.version) });
    room.latest = [eventIdOf(join, room.version)];
    await run({ alice, bob, room, remote, complete: gate.resolve });
  } finally {
    gate.resolve(false);
  }
}
