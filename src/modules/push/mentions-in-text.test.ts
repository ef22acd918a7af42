import assert from 'node:assert/strict';
import { onServers } from '../../testing/server/test-server.ts';
import type { TestClient } from '../../testing/client/test-client.ts';

async function counts(person: TestClient, room: string): Promise<readonly number[]> {
  const { unread_notifications: unread } = (await person.sync()).rooms.join[room];
  return [unread.notification_count, unread.highlight_count];
}

onServers(
  'names in the text are mentions where that is configured, unless the event says whom it mentions',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    await bob.ok('PUT', `/v3/profile/${bob.userId}/displayname`, { displayname: 'Robert' });
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    await alice.say(room, 'hello bob');
    assert.deepEqual(await counts(bob, room), [1, 1]);
    await alice.say(room, 'hello Robert');
    await alice.say(room, 'hello @room');
    assert.deepEqual(await counts(bob, room), [3, 3]);
    await alice.say(room, 'bob and Robert and @room', { 'm.mentions': {} });
    await alice.say(room, 'bobsled');
    assert.deepEqual(await counts(bob, room), [5, 3]);
    const rule = '/v3/pushrules/global/content/.m.rule.contains_user_name';
    assert.equal((await bob.ok('GET', rule)).pattern, 'bob');
    await bob.ok('PUT', `${rule}/enabled`, { enabled: false });
    await alice.say(room, 'hello bob');
    assert.deepEqual(await counts(bob, room), [6, 3]);
    assert.deepEqual(await counts(alice, room), [0, 0]);
  },
  { env: { MYELIN_PUSH_MENTIONS_IN_TEXT: 'true' } },
);

onServers('names in the text are no mentions else [B061 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  await alice.say(room, 'hello bob and @room');
  assert.deepEqual(await counts(bob, room), [1, 0]);
  const { global } = await bob.ok('GET', '/v3/pushrules/');
  assert.deepEqual(global.content, []);
});
