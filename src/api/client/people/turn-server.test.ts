import assert from 'node:assert/strict';
import { onServers } from '../../../testing/server/test-server.ts';
import { allocates } from '../../../testing/turn/turn-client.ts';
import { startTurnServer } from '../../../testing/turn/turn-server.ts';

const SECRET = 'a secret of both';

onServers(
  'TURN credentials open a TURN server [B083 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const { username, password, ttl, uris } = await alice.ok('GET', '/v3/voip/turnServer');
    assert.deepEqual({ ttl, uris }, { ttl: 3600, uris: ['turn:127.0.0.1'] });
    const turn = await startTurnServer(SECRET);
    try {
      assert.equal(await allocates(turn.port, username, password), true);
      assert.equal(await allocates(turn.port, username, `${password}x`), false, 'a wrong password');
      assert.equal(await allocates(turn.port, `1${username}`, password), false, 'a longer time');
    } finally {
      await turn.close();
    }
  },
  {
    env: {
      MYELIN_TURN_URIS: 'turn:127.0.0.1',
      MYELIN_TURN_SHARED_SECRET: SECRET,
      MYELIN_TURN_USER_LIFETIME: '3600',
    },
  },
);
