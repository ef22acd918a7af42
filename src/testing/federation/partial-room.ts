import assert from 'node:assert/strict';
import { eventIdOf } from '../../protocol/events/event-id.ts';
import type { EventId } from '../../protocol/identifiers.ts';
import type { TestFederation } from './federation.ts';
import type { RemoteEvent, RemoteRoom } from './remote-room.ts';
import type { RemoteServer } from './remote-server.ts';
import { roomWithGuest } from './room-with-guest.ts';
import { bodies, type Json, type TestClient } from '../client/test-client.ts';

const FEDERATION = '/_matrix/federation/v1';

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
  /** The power that it takes to say whether guests may come. */
  readonly guestAccessPower?: number;
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
  { guestPower, topicPower = 50, guestAccessPower = 50, before }: Wishes = {},
): Promise<void> {
  const { a, b } = federation;
  const { alice, roomId, room, remote } = await roomWithGuest(federation, {
    ...{ name: 'large', guestPower, room_version: guestPower === undefined ? '12' : '11' },
    power_level_content_override: {
      events: { 'm.room.topic': topicPower, 'm.room.guest_access': guestAccessPower },
    },
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

/** Has Mallory's server tell what authorises her events, and what lies between events. */
export function tell(
  { remote, room }: PartialRoom,
  between: readonly RemoteEvent[] = [],
  former: readonly RemoteEvent[] = [],
): void {
  remote.answer = ({ url }) => {
    if (url.startsWith(`${FEDERATION}/event_auth/`)) {
      return {
        status: 200,
        body: { auth_chain: [...former, ...room.state.values()].map(({ pdu }) => pdu as Json) },
      };
    }
    if (url.startsWith(`${FEDERATION}/get_missing_events/`)) {
      return { status: 200, body: { events: between.map(({ pdu }) => pdu as Json) } };
    }
    return undefined;
  };
}

/** Whether a sync shows a text in the room's timeline. */
export function shows(roomId: string, text: string): (body: Json) => boolean {
  return (body) => bodies(body.rooms?.join?.[roomId]?.timeline.events).includes(text);
}

/** Whether a sync shows that somebody left the room. */
export function showsLeave(roomId: string, userId: string): (body: Json) => boolean {
  return (body) =>
    (body.rooms?.join?.[roomId]?.timeline?.events ?? []).some(
      (event: Json) => event.state_key === userId && event.content.membership === 'leave',
    );
}

/** IDs of a room's present state, as somebody's server has it. */
export async function stateOf(person: TestClient, roomId: string): Promise<EventId[]> {
  const state: Json[] = await person.ok('GET', person.room(roomId, '/state'));
  return state.map((event) => event.event_id).sort();
}

/** Sends events to both servers that are in the room beside Mallory's. */
export async function sendToBoth({ a, b }: TestFederation, { room }: PartialRoom, ...events: RemoteEvent[]) {
  return { atA: await room.sendTo(a.name, ...events), atB: await room.sendTo(b.name, ...events) };
}

/** Waits until the members are known and both servers have the same state. */
export async function assertSameState({ alice, bob, room: { roomId } }: PartialRoom): Promise<void> {
  await bob.ok('GET', bob.room(roomId, '/members'));
  assert.deepEqual(await stateOf(bob, roomId), await stateOf(alice, roomId));
}
