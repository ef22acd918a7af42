import assert from 'node:assert/strict';
import { eventIdOf } from '../../protocol/events/event-id.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import type { Json } from '../../testing/client/test-client.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';
import { roomWithModerator } from './testing/remote-guest.ts';

onFederation(
  'an event that cannot follow all ends of a room stands on the state after those that it follows [A105] [A107 partial]',
  async (federation) => {
    const { alice, roomId, room, remote, a } = await roomWithModerator(federation);
    const topic = (text: string) => ({ type: 'm.room.topic', stateKey: '', content: { topic: text } });
    const before = room.next({ ...topic('of most'), ts: remote.now() - 60_000 });
    const fork = room.make(topic('of one end'));
    const others = Array.from({ length: 40 }, (_, i) =>
      room.make({ type: 'm.room.message', content: { body: `f${i}` } }),
    );
    const results = await room.send(before, fork, ...others);
    assert.deepEqual(new Set(results), new Set([undefined]));
    const joining = await remote.until(() => remote.pdus.find((one: Json) => one.prev_events?.length === 20));
    assert.ok(!joining.prev_events.includes(fork.eventId), 'it follows those that came last');
    const path = `/_matrix/federation/v1/state_ids/${encodeURIComponent(roomId)}`;
    const eventId = eventIdOf(joining, room.version);
    const { status, body } = await remote.ask(
      a.name,
      'GET',
      `${path}?event_id=${encodeURIComponent(eventId)}`,
    );
    assert.equal(status, 200);
    assert.ok(body.pdu_ids.includes(before.eventId), 'the topic before the fork holds there');
    assert.ok(!body.pdu_ids.includes(fork.eventId));
    const present = await alice.ok('GET', alice.room(roomId, '/state/m.room.topic/'));
    assert.equal(present.topic, 'of one end', 'which counts where all ends do');
  },
);

onFederation(
  'the ends of a room are joined by somebody who is in it, however many of this server left it [A105 partial]',
  async (federation) => {
    const { a, alice, roomId, room, remote } = await roomWithGuest(federation, { room_version: '10' });
    const zoe = await a.person('zoe');
    await zoe.join(roomId);
    for (let i = 0; i < 21; i++) {
      const user = await a.person(`a${i}`);
      await user.join(roomId);
      await user.ok('POST', user.room(roomId, '/leave'), {});
    }
    await alice.ok('POST', alice.room(roomId, '/leave'), {});
    const prev = room.latest.slice(0, 1);
    for (let i = 0; i < 30; i++) {
      const fork = room.make({ type: 'm.room.message', content: { body: `f${i}` }, prev });
      assert.deepEqual(await room.send(fork), [undefined]);
    }
    const joining = await remote.until(() => remote.pdus.find((one: Json) => one.prev_events?.length > 5));
    assert.equal(joining.sender, zoe.userId);
  },
  { servers: 1 },
);
