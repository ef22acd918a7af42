import assert from 'node:assert/strict';
import { eventIdOf } from '../../protocol/events/event-id.ts';
import { onFederation } from '../../testing/federation.ts';
import { roomWithGuest } from '../../testing/room-with-guest.ts';
import { bodies, type Json } from '../../testing/test-client.ts';

const LAZY = { filter: JSON.stringify({ room: { state: { lazy_load_members: true } } }) };

onFederation(
  'what is said before the whole state is here is shown once it is, though nobody says it again [B104 partial]',
  async (federation) => {
    const { a, b } = federation;
    const { roomId, room, remote } = await roomWithGuest(federation);
    const bob = await b.person('bob');
    await (await a.person('carol')).join(roomId);
    const gathering = b.server.services.eventGathering;
    const stateBefore = gathering.stateBefore.bind(gathering);
    const gate = Promise.withResolvers<void>();
    gathering.stateBefore = async (...asked) => {
      await gate.promise;
      return stateBefore(...asked);
    };
    await bob.ok('POST', `/v3/join/${encodeURIComponent(roomId)}?via=${a.name}`, {});
    const { next_batch: since } = await bob.sync(LAZY);
    const join = await remote.until(() => remote.pdus.find((pdu: Json) => pdu.state_key === bob.userId));
    room.take({ pdu: join, eventId: eventIdOf(join, room.version) });
    room.latest = [eventIdOf(join, room.version)];
    const [refusal] = await room.sendTo(b.name, room.say('too early'));
    assert.match(refusal ?? '', /not here yet/);
    gate.resolve();
    const shows = (body: Json) => bodies(body.rooms?.join?.[roomId]?.timeline.events).includes('too early');
    await bob.syncUntil(since, shows, LAZY);
  },
);
