import assert from 'node:assert/strict';
import { onServers } from '../../../testing/server/test-server.ts';
import { TestClient } from '../../../testing/client/test-client.ts';

onServers(
  'an access token is taken from the header or, for old clients, the query [B007]',
  async ({ person, anonymous }) => {
    const alice = await person('alice');
    const me = await anonymous().ok('GET', `/v3/account/whoami?access_token=${alice.token ?? ''}`);
    assert.equal(me.user_id, alice.userId);
  },
);

onServers('sessions survive a restart [B007]', async (world) => {
  const alice = await world.person('alice');
  await world.restart();
  const again = new TestClient(world.server.url, alice.token);
  assert.equal((await again.ok('GET', '/v3/account/whoami')).user_id, alice.userId);
});
