import assert from 'node:assert/strict';
import { joined } from '../testing/client/sync-body.ts';
import { bodies, type Json } from '../testing/client/test-client.ts';
import { onServers } from '../testing/server/test-server.ts';

const texts = (body: Json, room: string): string[] => bodies(joined(body, room)?.timeline?.events);

onServers('a message reaches the other person through a waiting sync [B026 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const { next_batch: since } = await bob.sync();
  const waiting = bob.syncUntil(since, (body) => texts(body, room).length > 0, { timeout: 20_000 });
  await alice.say(room, 'hello');
  const body = await waiting;
  assert.deepEqual(texts(body, room), ['hello']);
  assert.equal(joined(body, room).timeline?.limited, false);
  assert.equal(joined(body, room).timeline?.events?.[0]?.room_id, undefined);
  assert.equal(joined(body, room).timeline?.events?.[0]?.unsigned?.membership, 'join');
});

onServers('the sender sees the transaction ID, nobody else does [B006]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const path = alice.room(room, '/send/m.room.message/once');
  const content = { msgtype: 'm.text', body: 'x' };
  const first = await alice.ok('PUT', path, content);
  assert.equal((await alice.ok('PUT', path, { ...content, body: 'y' })).event_id, first.event_id);
  const seen = (body: Json) => joined(body, room).timeline?.events?.at(-1)?.unsigned?.transaction_id;
  assert.equal(seen(await alice.sync()), 'once');
  assert.equal(seen(await bob.sync()), undefined);
  assert.deepEqual(texts(await alice.sync(), room), ['x']);
  await bob.ok('PUT', bob.room(room, '/send/m.room.message/once'), content);
  await alice.ok('PUT', alice.room(room, '/send/m.other/once'), content);
  assert.deepEqual(texts(await alice.sync(), room), ['x', 'x']);
});

onServers('a retry under way waits for the first request [B006]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  const path = alice.room(room, '/send/m.room.message/same');
  const sent = await Promise.all(
    Array.from({ length: 16 }, () => alice.ok('PUT', path, { msgtype: 'm.text', body: 'once' })),
  );
  assert.equal(new Set(sent.map((answer) => answer.event_id)).size, 1);
  assert.deepEqual(texts(await alice.sync(), room), ['once']);
});

onServers(
  'an initial sync has state before the timeline, and a token for what is older [B026 partial]',
  async ({ person }) => {
    const alice = await person('alice');
    const room = await alice.createRoom({ name: 'a room' });
    for (let i = 0; i < 15; i++) await alice.say(room, `message ${i}`);
    await alice.setState(room, 'm.room.topic', { topic: 'late' });
    const body = joined(await alice.sync(), room);
    assert.equal(body.timeline?.limited, true);
    assert.equal(body.timeline?.events?.length, 10);
    const state = body.state?.events?.map((event: Json) => event.type) ?? [];
    assert.ok(
      state.includes('m.room.create') && state.includes('m.room.name') && !state.includes('m.room.topic'),
    );
    const from = body.timeline?.prev_batch ?? '';
    const older = await alice.ok('GET', alice.room(room, `/messages?dir=b&from=${from}&limit=3`));
    assert.deepEqual(bodies(older.chunk), ['message 5', 'message 4', 'message 3']);
  },
);

onServers('a gap is limited and brings the state that changed in it [B026 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat', name: 'before' });
  const { next_batch: since } = await alice.sync();
  await alice.setState(room, 'm.room.name', { name: 'after' });
  await bob.join(room);
  for (let i = 0; i < 12; i++) await alice.say(room, `m${i}`);
  const body = joined(await alice.sync({ since }), room);
  assert.equal(body.timeline?.limited, true);
  const state = Object.fromEntries((body.state?.events ?? []).map((event: Json) => [event.type, event]));
  assert.deepEqual(Object.keys(state).sort(), ['m.room.member', 'm.room.name']);
  assert.equal(state['m.room.name']?.content?.name, 'after');
  assert.equal(body.summary?.['m.joined_member_count'], 2);
  const after = joined(await alice.sync({ since, use_state_after: 'true' }), room);
  assert.equal(after.state, undefined);
  assert.equal(after.state_after?.events?.length, 2);
});

onServers('state_after is the state at the end of the timeline [B026 partial]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  const { next_batch: since } = await alice.sync();
  await alice.setState(room, 'm.room.topic', { topic: 'new' });
  const old = joined(await alice.sync({ since }), room);
  assert.deepEqual(old.state?.events, []);
  const body = joined(await alice.sync({ since, use_state_after: 'true' }), room);
  assert.deepEqual(
    body.state_after?.events?.map((event: Json) => event.type),
    ['m.room.topic'],
  );
  assert.equal(body.timeline?.events?.length, 1);
});

onServers('lazy loading gives the members who speak [B025 partial]', async ({ person }) => {
  const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map(person));
  assert.ok(alice && bob && carol);
  const room = await alice.createRoom({ preset: 'public_chat', name: 'named' });
  await bob.join(room);
  await carol.join(room);
  for (let i = 0; i < 12; i++) await bob.say(room, `m${i}`);
  const filter = JSON.stringify({ room: { state: { lazy_load_members: true } } });
  const first = await alice.sync({ filter });
  const members = (body: Json) =>
    (joined(body, room).state?.events ?? [])
      .filter((event: Json) => event.type === 'm.room.member')
      .map((event: Json) => event.state_key)
      .sort();
  assert.deepEqual(members(first), [alice.userId, bob.userId].sort());
  await carol.say(room, 'me too');
  const second = await alice.sync({ filter, since: first.next_batch });
  assert.deepEqual(members(second), [carol.userId]);
  await carol.say(room, 'again');
  const third = await alice.sync({ filter, since: second.next_batch });
  assert.deepEqual(members(third), []);
});

onServers('filters choose rooms, types and fields [B025 partial]', async ({ person }) => {
  const alice = await person('alice');
  const [one, other] = [await alice.createRoom(), await alice.createRoom()];
  await alice.say(one, 'hello');
  await alice.say(other, 'unseen');
  const filter = {
    room: { rooms: [one], timeline: { types: ['m.room.message'] } },
    event_fields: ['content.body'],
  };
  const path = `/v3/user/${alice.userId}/filter`;
  const { filter_id: id } = await alice.ok('POST', path, filter);
  assert.deepEqual(await alice.ok('GET', `${path}/${id}`), filter);
  assert.equal((await alice.ok('POST', path, filter)).filter_id, id);
  const body = await alice.sync({ filter: id });
  assert.deepEqual(Object.keys(body.rooms?.join ?? {}), [one]);
  assert.deepEqual(joined(body, one).timeline?.events, [{ content: { body: 'hello' } }]);
  await alice.fails(404, 'M_NOT_FOUND', 'GET', `${path}/none`);
  await alice.fails(400, 'M_BAD_JSON', 'POST', path, { room: { timeline: { limit: 'ten' } } });
  await alice.fails(403, 'M_FORBIDDEN', 'POST', '/v3/user/@bob:localhost/filter', {});
});

onServers('ignored users are silent, their state is not [B051]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const type = 'm.ignored_user_list';
  await alice.ok('PUT', `/v3/user/${alice.userId}/account_data/${type}`, {
    ignored_users: { [bob.userId]: {} },
  });
  const { next_batch: since } = await alice.sync();
  await bob.say(room, 'listen!');
  await bob.ok('PUT', `/v3/profile/${bob.userId}/displayname`, { displayname: 'Bobby' });
  const body = await alice.sync({ since });
  assert.deepEqual(
    joined(body, room).timeline?.events?.map((event: Json) => event.type),
    ['m.room.member'],
  );
  await bob.createRoom({ invite: [alice.userId] });
  assert.equal((await alice.sync({ since })).rooms?.invite, undefined);
});

onServers('everything is there after a restart [B026 partial]', async (world) => {
  const alice = await world.person('alice');
  const room = await alice.createRoom({ name: 'kept' });
  await alice.ok('PUT', alice.room(room, '/send/m.room.message/t1'), { msgtype: 'm.text', body: 'one' });
  const { next_batch: since } = await alice.sync();
  await world.restart();
  const again = world.anonymous();
  again.token = alice.token;
  await again.ok('PUT', again.room(room, '/send/m.room.message/later'), { msgtype: 'm.text', body: 'two' });
  await again.ok('PUT', again.room(room, '/send/m.room.message/t1'), {
    msgtype: 'm.text',
    body: 'a retry of what was sent before',
  });
  assert.deepEqual(texts(await again.sync({ since }), room), ['two']);
  assert.deepEqual(texts(await again.sync(), room), ['one', 'two']);
});

onServers('a token that is not of this server is refused [B026 partial]', async ({ person }) => {
  const alice = await person('alice');
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', '/v3/sync?since=nonsense');
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', '/v3/sync?timeout=soon');
});

onServers(
  'a sync that waits is answered when the server stops [B026 partial]',
  async (world) => {
    const alice = await world.person('alice');
    const { next_batch: since } = await alice.sync();
    let answered = false;
    const waiting = alice
      .ask('GET', `/v3/sync?since=${since}&timeout=60000`)
      .finally(() => (answered = true));
    while (world.server.services.notifier.waiting === 0 && !answered) {
      await new Promise((resolve) => setImmediate(resolve));
    }
    await world.restart();
    const answer = await waiting;
    assert.deepEqual([answer.status, answer.body.next_batch, answer.body.rooms], [200, since, undefined]);
  },
  { env: { MYELIN_PRESENCE_ENABLED: 'false' } },
);
