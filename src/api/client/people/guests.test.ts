import assert from 'node:assert/strict';
import type { TestClient } from '../../../testing/test-client.ts';
import { onServers, type TestServer } from '../../../testing/test-server.ts';

async function guest(s: TestServer): Promise<TestClient> {
  const client = s.anonymous();
  const { access_token: token, user_id: userId } = await client.ok('POST', '/v3/register?kind=guest', {});
  return Object.assign(client, { token, userId });
}

onServers(
  'Guests join where they may, and are out when the room changes its mind [B049 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const visitor = await guest(s);
    const join = visitor.room(room, '/join');
    await visitor.fails(403, 'M_GUEST_ACCESS_FORBIDDEN', 'POST', join, {});
    await alice.setState(room, 'm.room.guest_access', { guest_access: 'can_join' });
    await visitor.ok('POST', join, {});
    await visitor.say(room, 'hello');
    await visitor.fails(403, 'M_GUEST_ACCESS_FORBIDDEN', 'POST', '/v3/createRoom', {});
    await visitor.fails(403, 'M_GUEST_ACCESS_FORBIDDEN', 'POST', '/v3/user_directory/search', {
      search_term: 'a',
    });
    await alice.setState(room, 'm.room.guest_access', { guest_access: 'forbidden' });
    const { joined } = await alice.ok('GET', alice.room(room, '/joined_members'));
    assert.deepEqual(Object.keys(joined).sort(), [alice.userId, bob.userId]);
    const path = `/state/m.room.member/${encodeURIComponent(visitor.userId)}`;
    assert.equal((await alice.ok('GET', alice.room(room, path))).membership, 'leave');
  },
  { env: { MYELIN_REGISTRATION_GUESTS: 'true' } },
);
