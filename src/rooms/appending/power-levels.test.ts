import assert from 'node:assert/strict';
import { onServers } from '../../testing/server/test-server.ts';

onServers('creators of version 12 are above all levels [B095] [B039]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'trusted_private_chat', invite: [bob.userId] });
  await bob.join(room);
  const create = await alice.ok('GET', alice.room(room, '/state/m.room.create'));
  assert.deepEqual(create.additional_creators, [bob.userId]);
  const levels = await alice.ok('GET', alice.room(room, '/state/m.room.power_levels'));
  assert.deepEqual(levels.users, {});
  assert.equal(levels.events?.['m.room.tombstone'], 150);
  await bob.setState(room, 'm.room.tombstone', { body: 'x', replacement_room: '!y' });
  await alice.fails(400, 'M_BAD_JSON', 'PUT', alice.room(room, '/state/m.room.power_levels/'), {
    ...levels,
    users: { [bob.userId]: 50 },
  });
  await alice.fails(403, 'M_FORBIDDEN', 'POST', alice.room(room, '/kick'), { user_id: bob.userId });
});

onServers('power levels guard state, redactions and their own change [B039] [B029]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat', room_version: '11' });
  await bob.join(room);
  const put = (rest: string) => bob.room(room, rest);
  await bob.fails(403, 'M_FORBIDDEN', 'PUT', put('/state/m.room.name/'), { name: 'mine' });
  await bob.fails(403, 'M_FORBIDDEN', 'PUT', put('/state/m.room.power_levels/'), {
    users: { [bob.userId]: 100 },
  });
  await bob.fails(403, 'M_FORBIDDEN', 'PUT', put('/state/org.example/@alice:localhost'), {});
  const event = await alice.say(room, "alice's");
  await bob.fails(403, 'M_FORBIDDEN', 'PUT', put(`/redact/${event}/r1`), {});
  assert.equal((await bob.ok('GET', put(`/event/${event}`))).content?.body, "alice's");
  const own = await bob.say(room, "bob's");
  await bob.ok('PUT', put(`/redact/${own}/r2`), {});
  const outsider = await person('carol');
  await outsider.fails(403, 'M_FORBIDDEN', 'PUT', outsider.room(room, '/send/m.room.message/x'), {
    msgtype: 'm.text',
    body: 'x',
  });
});
