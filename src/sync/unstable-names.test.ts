import assert from 'node:assert/strict';
import { onServers } from '../testing/server/test-server.ts';
import type { Json } from '../testing/client/test-client.ts';

onServers(
  'clients that know a feature by the name it had find it by that name [B026 partial]',
  async ({ person }) => {
    const alice = await person('alice');
    const room = await alice.createRoom();
    const first = await alice.sync({ 'org.matrix.msc4222.use_state_after': 'true' });
    const after = first.rooms.join[room]['org.matrix.msc4222.state_after'].events as Json[];
    assert.ok(after.some((event) => event.type === 'm.room.create'));
    assert.equal(first.rooms.join[room].state, undefined);
    assert.deepEqual(first['org.matrix.msc2732.device_unused_fallback_key_types'], []);
    const stable = await alice.sync({ use_state_after: 'true' });
    assert.ok((stable.rooms.join[room].state_after.events as Json[]).length > 0);
    await alice.setState(room, 'm.room.topic', { topic: 'new' });
    const next = await alice.sync({ since: first.next_batch, 'org.matrix.msc4222.use_state_after': 'true' });
    const changed = next.rooms.join[room]['org.matrix.msc4222.state_after'].events as Json[];
    assert.deepEqual(
      changed.map((event) => event.type),
      ['m.room.topic'],
    );
    const { capabilities } = await alice.ok('GET', '/v3/capabilities');
    assert.deepEqual(capabilities['org.matrix.msc3882.get_login_token'], capabilities['m.get_login_token']);
    const { unstable_features: features } = await alice.ok('GET', '/_matrix/client/versions');
    for (const flag of [
      'uk.tcpip.msc4133',
      'uk.tcpip.msc4133.stable',
      'org.matrix.msc4222',
      'org.matrix.msc3882',
    ]) {
      assert.equal(features[flag], true, flag);
    }
  },
);
