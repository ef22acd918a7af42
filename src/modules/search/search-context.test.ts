import assert from 'node:assert/strict';
import { onServers } from '../../testing/server/test-server.ts';

onServers(
  'The profiles around a result are also of those who came after it or left before [B070]',
  async (s) => {
    const [alice, bob, carol] = [await s.person('alice'), await s.person('bob'), await s.person('carol')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await carol.join(room);
    await carol.say(room, 'good bye');
    await carol.ok('POST', carol.room(room, '/leave'), {});
    await alice.say(room, 'needle');
    await bob.join(room);
    await bob.say(room, 'hello');
    const wish = { search_term: 'needle', event_context: { include_profile: true } };
    const found = await alice.ok('POST', '/v3/search', { search_categories: { room_events: wish } });
    assert.deepEqual(found.search_categories.room_events.results[0].context.profile_info, {
      [alice.userId]: { displayname: 'alice' },
      [bob.userId]: { displayname: 'bob' },
      [carol.userId]: { displayname: 'carol' },
    });
  },
);

onServers('results tell what the searcher was in the room when they were written', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await alice.say(room, 'needle before');
  await bob.join(room);
  await alice.say(room, 'needle within');
  const wish = {
    search_term: 'needle',
    order_by: 'recent',
    event_context: { before_limit: 2, after_limit: 0 },
  };
  const found = await bob.ok('POST', '/v3/search', { search_categories: { room_events: wish } });
  const [within, before] = found.search_categories.room_events.results;
  const memberships = [within.result, ...within.context.events_before, before.result].map(
    (event) => event.unsigned.membership,
  );
  assert.deepEqual(memberships, ['join', 'join', 'leave', 'leave']);
});
