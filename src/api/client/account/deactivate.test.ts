import assert from 'node:assert/strict';
import { onServers } from '../../../testing/server/test-server.ts';
import type { Json } from '../../../testing/client/test-client.ts';

onServers(
  'a closed account is gone for good and out of its rooms [B013 partial]',
  async ({ person, anonymous }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await bob.createRoom({ preset: 'public_chat' });
    await alice.join(room);
    const auth = { type: 'm.login.password', user: 'alice', password: 'alice password' };
    const answer = await alice.ok('POST', '/v3/account/deactivate', { auth });
    assert.equal(answer.id_server_unbind_result, 'success');
    await alice.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    const login = {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'alice' },
      password: 'alice password',
    };
    await anonymous().fails(403, 'M_USER_DEACTIVATED', 'POST', '/v3/login', login);
    await anonymous().fails(400, 'M_USER_IN_USE', 'GET', '/v3/register/available?username=alice');
    const members = await bob.ok('GET', bob.room(room, '/joined_members'));
    assert.deepEqual(Object.keys(members.joined), [bob.userId]);
  },
);

onServers(
  'who joins after somebody was erased gets their messages redacted, nobody else does [B013]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await bob.createRoom({ preset: 'public_chat' });
    await alice.join(room);
    const eventId = encodeURIComponent(await alice.say(room, 'to be forgotten'));
    await bob.say(room, 'of bob');
    const late = await person('late');
    await late.join(room);
    const auth = { type: 'm.login.password', user: 'alice', password: 'alice password' };
    await alice.ok('POST', '/v3/account/deactivate', { auth, erase: true });
    const later = await person('later');
    await later.join(room);
    for (const [reader, texts] of [
      [bob, ['of bob', 'to be forgotten']],
      [late, ['of bob', 'to be forgotten']],
      [later, ['of bob']],
    ] as const) {
      const { chunk } = await reader.ok('GET', reader.room(room, '/messages?dir=b&limit=50'));
      const messages = chunk.filter((event: Json) => event.type === 'm.room.message');
      assert.equal(messages.length, 2, 'the events are there');
      assert.deepEqual(
        messages.flatMap(({ content }: Json) => content.body ?? []),
        texts,
      );
      const event = await reader.ok('GET', reader.room(room, `/event/${eventId}`));
      assert.equal(event.content.body, texts[1]);
      const timeline = (await reader.sync()).rooms.join[room].timeline.events;
      const shown = timeline.flatMap(({ content }: Json) => content.body ?? []);
      assert.deepEqual(shown, [...texts].reverse());
    }
  },
);
