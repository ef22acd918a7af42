import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation/federation.ts';
import { RemoteRoom } from '../../testing/federation/remote-room.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';
import { HeldTimers } from '../../testing/server/held-timers.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';
import { PATIENCE_MS } from './answer-in-time.ts';
import { timeline } from './testing/remote-guest.ts';

/** Nobody is answered before what was sent is judged. */
const patient = new HeldTimers(PATIENCE_MS);

onFederation(
  'a server that does not tell what its events follow holds up nobody else, neither in the same room nor in others',
  async (federation) => {
    const { a, alice, roomId, room, remote: slow } = await roomWithGuest(federation);
    const honest = await federation.startRemote();
    const same = await RemoteRoom.join(honest, a.name, roomId);
    const other = await RemoteRoom.join(honest, a.name, await alice.createRoom({ preset: 'public_chat' }));
    const asked = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    let isAnswered = false;
    slow.holds = ({ url }) => {
      if (!url.includes('/get_missing_events/')) return undefined;
      asked.resolve();
      return gate.promise;
    };
    try {
      room.say('never sent');
      const sending = room.send(room.say('after what was never sent')).then(() => (isAnswered = true));
      await asked.promise;
      assert.deepEqual(await same.send(same.say('in the same room')), [undefined]);
      assert.deepEqual(await other.send(other.say('in another')), [undefined]);
      assert.equal(isAnswered, false, 'while the slow one is still asked');
      assert.deepEqual(bodies(await timeline(alice, roomId)), ['in the same room']);

      // Who lacks the same events asks for them, too, though somebody else is asked already.
      const missed = same.say('missed');
      honest.answer = ({ url, body }) => {
        if (!url.includes('/get_missing_events/')) return undefined;
        const lacks = (body as Json).latest_events.length > 0;
        return { status: 200, body: { events: lacks ? [missed.pdu] : [] } };
      };
      assert.deepEqual(await same.send(same.say('after what was missed')), [undefined]);
      assert.equal(isAnswered, false, 'still');
      gate.resolve();
      await sending;
      const texts = ['in the same room', 'missed', 'after what was missed'];
      assert.deepEqual(bodies(await timeline(alice, roomId)), texts);
    } finally {
      gate.resolve();
    }
  },
  { servers: 1, overrides: { timers: patient } },
);
