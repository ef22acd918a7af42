import assert from 'node:assert/strict';
import { onFederation } from '../testing/federation/federation.ts';
import { RemoteRoom } from '../testing/federation/remote-room.ts';
import { bodies } from '../testing/client/test-client.ts';

onFederation(
  'events that other servers do not give leave a gap in the next sync [B026 partial]',
  async (f) => {
    const remote = await f.startRemote();
    const alice = await f.a.person('alice');
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '10' });
    const room = await RemoteRoom.join(remote, f.a.name, roomId);
    const { next_batch: since } = await alice.sync();
    await alice.say(roomId, 'before');
    const withheld = Array.from({ length: 5 }, (_, i) => room.say(`withheld ${i}`));
    const given = Array.from({ length: 3 }, (_, i) => room.say(`given ${i}`));
    const last = room.say('last');
    const known = [...room.state.values()];
    remote.answer = ({ url }) => {
      const path = decodeURIComponent(url);
      if (path.includes('/get_missing_events/')) {
        return { status: 200, body: { events: given.map(({ pdu }) => pdu) } };
      }
      const single = withheld.find(({ eventId }) => path.endsWith(`/event/${eventId}`));
      if (single) return { status: 200, body: { pdus: [single.pdu] } };
      if (!path.includes('/state')) return undefined;
      const isIds = path.includes('/state_ids/');
      const ids = known.map(({ eventId }) => eventId);
      const pdus = known.map(({ pdu }) => pdu);
      const body = isIds ? { pdu_ids: ids, auth_chain_ids: ids } : { pdus, auth_chain: pdus };
      return { status: 200, body };
    };
    assert.deepEqual(await room.send(last), [undefined]);
    const shown = ['given 0', 'given 1', 'given 2', 'last'];
    const { timeline } = (await alice.sync({ since })).rooms.join[roomId];
    assert.deepEqual(bodies(timeline.events), shown, 'what was before the gap is left out');
    assert.equal(timeline.limited, true);
    const first = (await alice.sync()).rooms.join[roomId].timeline;
    assert.deepEqual(bodies(first.events), shown);
    assert.equal(first.limited, true);
    const { next_batch: later } = await alice.sync();
    assert.deepEqual(await room.send(room.say('after')), [undefined]);
    const next = (await alice.sync({ since: later })).rooms.join[roomId].timeline;
    assert.deepEqual([bodies(next.events), next.limited], [['after'], false]);
  },
);
