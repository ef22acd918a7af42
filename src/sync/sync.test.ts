import assert from 'node:assert/strict';
import { bodies, type Json } from '../testing/client/test-client.ts';
import { onServers } from '../testing/server/test-server.ts';

const joined = (body: Json, room: string): Json => body.rooms?.join?.[room] as Json;
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

onServers(
  'a room that is joined comes whole, and goes when it is left [B026 partial] [B034 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await alice.say(room, 'before bob');
    const start = await bob.sync();
    await bob.join(room);
    const first = await bob.sync({ since: start.next_batch });
    assert.deepEqual(texts(first, room), ['before bob']);
    assert.ok(joined(first, room).timeline?.events?.some((event: Json) => event.type === 'm.room.create'));
    await bob.ok('POST', bob.room(room, '/leave'), {});
    await alice.say(room, 'after bob');
    const second = await bob.sync({ since: first.next_batch });
    assert.equal(second.rooms?.join?.[room], undefined);
    const left = second.rooms?.leave?.[room]?.timeline?.events ?? [];
    assert.deepEqual(
      left.map((event: Json) => event.content?.membership),
      ['leave'],
    );
    const third = await bob.sync({ since: second.next_batch });
    assert.equal(third.rooms, undefined);
    assert.equal((await bob.sync()).rooms, undefined);
    const withLeft = await bob.sync({ filter: JSON.stringify({ room: { include_leave: true } }) });
    assert.ok(withLeft.rooms?.leave?.[room]);
    await bob.ok('POST', bob.room(room, '/forget'), {});
    const forgotten = await bob.sync({ filter: JSON.stringify({ room: { include_leave: true } }) });
    assert.equal(forgotten.rooms, undefined);
  },
);

onServers('an invite comes with stripped state [B035] [B034 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const { next_batch: since } = await bob.sync();
  const waiting = bob.syncUntil(since, (body) => body.rooms?.invite !== undefined);
  const room = await alice.createRoom({ name: 'secret', topic: 'hush', invite: [bob.userId] });
  const events = (await waiting).rooms?.invite?.[room]?.invite_state?.events ?? [];
  const types = events.map((event: Json) => event.type);
  for (const type of ['m.room.create', 'm.room.name', 'm.room.topic', 'm.room.join_rules', 'm.room.member']) {
    assert.ok(types.includes(type), type);
  }
  assert.ok(events.every((event: Json) => event.event_id === undefined));
  const own = events.find((event: Json) => event.state_key === bob.userId);
  assert.deepEqual([own?.content?.membership, own?.sender], ['invite', alice.userId]);
  await bob.ok('POST', bob.room(room, '/leave'), {});
  const after = await bob.sync({ since });
  assert.equal(after.rooms?.invite, undefined);
  assert.deepEqual(
    after.rooms?.leave?.[room]?.timeline?.events?.map((event: Json) => event.content?.membership).at(-1),
    'leave',
  );
  assert.deepEqual(bodies(after.rooms?.leave?.[room]?.timeline?.events), []);
});

onServers('a room without a name is known by its heroes [B026 partial]', async ({ person }) => {
  const people = await Promise.all(['alice', 'bob', 'carol'].map(person));
  const [alice, bob, carol] = people;
  assert.ok(alice && bob && carol);
  const room = await alice.createRoom({ invite: [bob.userId, carol.userId] });
  await bob.join(room);
  const summary = joined(await alice.sync(), room).summary;
  assert.deepEqual([...(summary?.['m.heroes'] ?? [])].sort(), [bob.userId, carol.userId]);
  assert.equal(summary?.['m.joined_member_count'], 2);
  assert.equal(summary?.['m.invited_member_count'], 1);
  await alice.setState(room, 'm.room.name', { name: 'named' });
  assert.equal(joined(await alice.sync(), room).summary?.['m.heroes'], undefined);
});

onServers('a room that loses its name is known by its heroes again [B026 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const named = { preset: 'public_chat', room_alias_name: 'meeting' };
  const room = await alice.createRoom(named);
  await bob.join(room);
  let { next_batch: since } = await alice.sync();
  const heroes = async (): Promise<Json> => {
    const body = await alice.sync({ since });
    since = body.next_batch;
    return joined(body, room).summary?.['m.heroes'];
  };
  await alice.ok('DELETE', `/v3/directory/room/${encodeURIComponent('#meeting:localhost')}`);
  assert.deepEqual(await heroes(), [bob.userId]);
  const name = await alice.setState(room, 'm.room.name', { name: 'named' });
  assert.equal(await heroes(), undefined);
  await alice.ok('PUT', alice.room(room, `/redact/${encodeURIComponent(name)}/once`), {});
  assert.deepEqual(await heroes(), [bob.userId]);
  await alice.setState(room, 'm.room.name', { name: 'named' });
  assert.equal(await heroes(), undefined);
  await alice.setState(room, 'm.room.name', { name: '' });
  assert.deepEqual(await heroes(), [bob.userId]);
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

onServers(
  'unread counts follow the push rules and the receipts [B061 partial] [B063]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    await bob.ok('POST', bob.room(room, `/receipt/m.read/${await alice.say(room, 'zero')}`), {});
    const second = await alice.say(room, 'one');
    await alice.say(room, 'two', { 'm.mentions': { user_ids: [bob.userId] } });
    const counts = (body: Json) => joined(body, room).unread_notifications;
    const first = await bob.sync();
    assert.deepEqual(counts(first), { notification_count: 2, highlight_count: 1 });
    await bob.ok('POST', bob.room(room, `/receipt/m.read/${second}`), {});
    const next = await bob.sync({ since: first.next_batch });
    assert.deepEqual(counts(next), { notification_count: 1, highlight_count: 1 });
    await bob.say(room, 'I am here');
    assert.deepEqual(counts(await bob.sync({ since: next.next_batch })), {
      notification_count: 0,
      highlight_count: 0,
    });
    assert.deepEqual(counts(await alice.sync()), { notification_count: 1, highlight_count: 0 });
  },
);

onServers('threads have counts of their own [B063] [B081 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const root = await bob.say(room, 'root');
  const inThread = { 'm.relates_to': { rel_type: 'm.thread', event_id: root } };
  const reply = await alice.say(room, 'in thread', inThread);
  await alice.say(room, 'in main');
  const filter = JSON.stringify({ room: { timeline: { unread_thread_notifications: true } } });
  const body = joined(await bob.sync({ filter }), room);
  assert.deepEqual(body.unread_notifications, { notification_count: 1, highlight_count: 0 });
  assert.deepEqual(body.unread_thread_notifications, {
    [root]: { notification_count: 1, highlight_count: 0 },
  });
  assert.equal(joined(await bob.sync(), room).unread_notifications?.notification_count, 2);
  await bob.ok('POST', bob.room(room, `/receipt/m.read/${reply}`), { thread_id: root });
  const after = joined(await bob.sync({ filter }), room);
  assert.equal(after.unread_thread_notifications, undefined);
  assert.equal(after.unread_notifications?.notification_count, 1);
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

onServers(
  'who declines an invite to a room that all have left sees it [B026 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ invite: [bob.userId] });
    const { next_batch: since } = await bob.sync();
    await alice.ok('POST', alice.room(room, '/leave'), {});
    await bob.ok('POST', bob.room(room, '/leave'), {});
    const { timeline } = (await bob.sync({ since })).rooms.leave[room];
    const { state_key: who, content } = timeline.events.at(-1);
    assert.deepEqual([who, content.membership], [bob.userId, 'leave']);
  },
);

onServers('a room that one came into begins anew in the next sync [B026 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  await alice.say(room, 'one');
  const filter = JSON.stringify({ room: { timeline: { types: ['m.room.message'] } } });
  await bob.ok('POST', bob.room(room, '/leave'), {});
  const { next_batch: since } = await bob.sync({ filter });
  await alice.say(room, 'two');
  await bob.join(room);
  const { timeline } = joined(await bob.sync({ since, filter }), room);
  assert.deepEqual(bodies(timeline.events), ['one', 'two']);
  assert.equal(timeline.limited, true, 'what it had of the room is given again');
  const own = await bob.sync();
  const made = await bob.createRoom();
  const whole = joined(await bob.sync({ since: own.next_batch }), made).timeline;
  assert.equal(whole.limited, false, 'the room is shown from its beginning');
});

onServers('events tell what the user was in the room when they happened', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const open = { type: 'm.room.history_visibility', content: { history_visibility: 'world_readable' } };
  const room = await alice.createRoom({ preset: 'public_chat', initial_state: [open] });
  await bob.join(room);
  const { next_batch: since } = await bob.sync();
  await bob.ok('POST', bob.room(room, '/leave'), {});
  await alice.say(room, 'while away');
  await bob.join(room);
  const { events } = (await bob.sync({ since })).rooms.join[room].timeline;
  assert.deepEqual(
    events.map((event: Json) => [event.type, event.unsigned.membership]),
    [
      ['m.room.member', 'leave'],
      ['m.room.message', 'leave'],
      ['m.room.member', 'join'],
    ],
  );
});
