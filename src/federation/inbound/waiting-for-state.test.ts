import assert from 'node:assert/strict';
import { eventIdOf } from '../../protocol/events/event-id.ts';
import { onFederation, type TestFederation } from '../../testing/federation.ts';
import type { RemoteRoom } from '../../testing/remote-room.ts';
import { roomWithGuest } from '../../testing/room-with-guest.ts';
import { bodies, type Json, type TestClient } from '../../testing/test-client.ts';

const LAZY = { filter: JSON.stringify({ room: { state: { lazy_load_members: true } } }) };

/** A room of Alice's with a remote server in it, which Bob's server has joined without its whole state yet. */
async function whilePartial(
  federation: TestFederation,
  run: (scene: { bob: TestClient; room: RemoteRoom; complete: (isGiven: boolean) => void }) => Promise<void>,
): Promise<void> {
  const { a, b } = federation;
  const { roomId, room, remote } = await roomWithGuest(federation);
  const bob = await b.person('bob');
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
    await run({ bob, room, complete: gate.resolve });
  } finally {
    gate.resolve(false);
  }
}

onFederation(
  'what is said before the whole state is here is shown once it is, though nobody says it again [B104 partial]',
  async (federation) => {
    await whilePartial(federation, async ({ bob, room, complete }) => {
      const { next_batch: since } = await bob.sync(LAZY);
      const [refusal] = await room.sendTo(federation.b.name, room.say('too early'));
      assert.match(refusal ?? '', /not here yet/);
      complete(true);
      await bob.syncUntil(since, shows(room.roomId, 'too early'), LAZY);
    });
  },
);

onFederation(
  'what is said before the whole state is here is not lost by a restart in between',
  async (federation) => {
    const { b } = federation;
    await whilePartial(federation, async ({ bob, room, complete }) => {
      const { next_batch: since } = await bob.sync(LAZY);
      const [refusal] = await room.sendTo(b.name, room.say('too early'));
      assert.match(refusal ?? '', /not here yet/);
      const stopping = b.stop();
      complete(false);
      await stopping;
      await b.start();
      await b.client(bob.token).syncUntil(since, shows(room.roomId, 'too early'), LAZY);
    });
  },
);

onFederation(
  'who asks for the members of a room as it was before they were here gets all of them [B104 partial]',
  async (federation) => {
    await whilePartial(federation, async ({ bob, room, complete }) => {
      const { next_batch: at } = await bob.sync(LAZY);
      const asked = bob.ok('GET', bob.room(room.roomId, `/members?at=${at}`));
      complete(true);
      const names = (await asked).chunk.map((event: Json) => event.state_key.split(':')[0]);
      assert.deepEqual(names.sort(), ['@alice', '@bob', '@carol', '@mallory']);
    });
  },
);

function shows(roomId: string, text: string): (body: Json) => boolean {
  return (body) => bodies(body.rooms?.join?.[roomId]?.timeline.events).includes(text);
}
