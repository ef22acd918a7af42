import assert from 'node:assert/strict';
import { onServers } from '../../testing/server/test-server.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';
import { allRooms, members, state, SlidingConnection } from './testing/sliding-connection.ts';

onServers('asking for more of a room gives it at once [B138 partial]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom({ topic: 'about' });
  for (let i = 0; i < 5; i++) await alice.say(room, `m${i}`);
  const sliding = new SlidingConnection(alice);
  const list = allRooms(1, [['m.room.create', '']]);
  assert.deepEqual(bodies((await sliding.next(list)).rooms[room].timeline), ['m4']);
  const subscribed = (limit: number, pairs: string[][]) => ({
    ...list,
    room_subscriptions: { [room]: { timeline_limit: limit, required_state: pairs } },
  });
  const more = (await sliding.next(subscribed(3, [['m.room.topic', '']]), 10_000)).rooms[room];
  assert.deepEqual(bodies(more.timeline), ['m2', 'm3', 'm4']);
  assert.deepEqual(
    [more.unstable_expanded_timeline, more.initial, more.limited, more.num_live],
    [true, undefined, true, 0],
  );
  assert.deepEqual(state(more), ['m.room.topic|']);
  assert.deepEqual((await sliding.next(subscribed(3, [['m.room.topic', '']]))).rooms, {});
  const further = (await sliding.next(subscribed(3, [['m.room.power_levels', '']]), 10_000)).rooms[room];
  assert.deepEqual([state(further), further.timeline], [['m.room.power_levels|'], undefined]);
  assert.deepEqual((await sliding.next(list)).rooms, {});
  await alice.say(room, 'm5');
  assert.deepEqual(bodies((await sliding.next(list)).rooms[room].timeline), ['m5']);
});

onServers(
  'what came while no timeline was wanted is shown once one is [B138 partial]',
  async ({ person }) => {
    const alice = await person('alice');
    const room = await alice.createRoom();
    for (const text of ['one', 'two']) await alice.say(room, text);
    const sliding = new SlidingConnection(alice);
    assert.deepEqual(bodies((await sliding.next(allRooms(2))).rooms[room].timeline), ['one', 'two']);
    await alice.say(room, 'three');
    const { timeline } = (await sliding.next(allRooms(0))).rooms[room] ?? {};
    assert.equal(timeline, undefined);
    const again = (await sliding.next(allRooms(2), 10_000)).rooms[room];
    assert.deepEqual(
      [bodies(again?.timeline ?? []), again?.unstable_expanded_timeline],
      [['two', 'three'], true],
    );
  },
);

onServers(
  'a subscription needs no list, and shows no room that one was never in [B138 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    const hidden = await alice.createRoom({
      initial_state: [
        {
          type: 'm.room.history_visibility',
          state_key: '',
          content: { history_visibility: 'world_readable' },
        },
      ],
    });
    await bob.join(room);
    const sliding = new SlidingConnection(bob);
    const subscription = {
      timeline_limit: 5,
      required_state: [['m.room.create', '']],
      include_old_rooms: {},
    };
    const wishes = {
      room_subscriptions: { [room]: subscription, [hidden]: subscription, '!no:where': subscription },
    };
    const body = await sliding.next(wishes);
    assert.deepEqual(Object.keys(body.rooms), [room]);
    assert.deepEqual(state(body.rooms[room]), ['m.room.create|']);
    await alice.say(room, 'while not subscribed');
    assert.deepEqual((await sliding.next({})).rooms, {});
    await alice.say(room, 'again subscribed');
    const again = (await sliding.next(wishes)).rooms[room];
    assert.deepEqual(bodies(again.timeline), ['while not subscribed', 'again subscribed']);
    assert.deepEqual([again.initial, again.num_live], [undefined, 1]);
  },
);

onServers('invites and knocks show stripped state, and become rooms [B138 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ name: 'Secret garden' });
  await alice.say(room, 'not for outsiders');
  const sliding = new SlidingConnection(bob);
  const wishes = allRooms(10, [
    ['m.room.member', '$ME'],
    ['m.room.join_rules', ''],
  ]);
  await sliding.next(wishes);
  await alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
  const invited = (await sliding.next(wishes)).rooms[room];
  assert.equal(invited.initial, true);
  assert.ok(invited.bump_stamp > 0);
  const stripped = (invited.invite_state as Json[]).map((event) => event.type);
  for (const type of ['m.room.name', 'm.room.create', 'm.room.member'])
    assert.ok(stripped.includes(type), type);
  assert.deepEqual(
    [invited.timeline, invited.required_state, invited.joined_count],
    [undefined, undefined, undefined],
  );
  assert.deepEqual((await sliding.next(wishes)).rooms, {});
  await bob.join(room);
  const joined = (await sliding.next(wishes)).rooms[room];
  assert.equal(joined.initial, true);
  assert.equal(joined.invite_state, undefined);
  assert.deepEqual(state(joined), ['m.room.join_rules|', `m.room.member|${bob.userId}`]);

  const knocked = await alice.createRoom({
    initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }],
  });
  await bob.ok('POST', `/v3/knock/${encodeURIComponent(knocked)}`, {});
  const knock = (await sliding.next(wishes)).rooms[knocked];
  assert.ok((knock.invite_state as Json[]).some((event) => event.content.membership === 'knock'));
});

onServers('rooms without a name have heroes [B138 partial]', async ({ person }) => {
  const people = [];
  for (let i = 0; i < 7; i++) people.push(await person(`p${i}`));
  const [alice, bob, ...others] = people as [
    (typeof people)[0] & {},
    (typeof people)[0] & {},
    ...typeof people,
  ];
  const room = await alice.createRoom({ preset: 'public_chat', name: '' });
  await bob.join(room);
  const wishes = allRooms(10);
  const sliding = new SlidingConnection(alice);
  const first = (await sliding.next(wishes)).rooms[room];
  assert.deepEqual(
    first.heroes,
    [{ user_id: bob.userId, displayname: 'p1' }].map((hero) => ({ ...hero, ...first.heroes[0] })),
  );
  assert.equal(first.heroes[0].user_id, bob.userId);
  await bob.say(room, 'hello');
  assert.equal((await sliding.next(wishes)).rooms[room].heroes, undefined);
  for (const other of others) await other.join(room);
  const full = (await sliding.next(wishes)).rooms[room];
  assert.equal(full.heroes.length, 5);
  assert.equal(full.joined_count, 7);
  await alice.setState(room, 'm.room.name', { name: 'Named' });
  const named = (await sliding.next(wishes)).rooms[room];
  assert.deepEqual([named.name, named.heroes], ['Named', undefined]);
});

onServers('ignored people are not heard, and their invites not shown [B138 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const wishes = allRooms();
  const sliding = new SlidingConnection(bob);
  await sliding.next(wishes);
  const path = `/v3/user/${encodeURIComponent(bob.userId)}/account_data/m.ignored_user_list`;
  await bob.ok('PUT', path, { ignored_users: { [alice.userId]: {} } });
  await alice.say(room, 'can you hear me');
  const invite = await alice.createRoom({ invite: [bob.userId] });
  const body = await sliding.next(wishes);
  assert.deepEqual([body.rooms, body.lists.all], [{}, { count: 1 }]);
  await bob.ok('PUT', path, { ignored_users: {} });
  const heard = await sliding.next(wishes);
  assert.deepEqual([Object.keys(heard.rooms), heard.lists.all], [[invite], { count: 2 }]);
});

onServers('a waiting request is answered by what it waits for [B138 partial]', async ({ person, server }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const wishes = allRooms();
  const sliding = new SlidingConnection(bob);
  await sliding.next(wishes);
  await sliding.next({ ...wishes, extensions: { to_device: { enabled: true } } });
  const isWaiting = async () => {
    while (server.services.notifier.waiting === 0) await new Promise((resolve) => setImmediate(resolve));
  };
  const waiting = sliding.next(wishes, 30_000);
  await isWaiting();
  await alice.say(room, 'wake up');
  assert.deepEqual(bodies((await waiting).rooms[room].timeline), ['wake up']);
  const begun = performance.now();
  const { pos } = sliding;
  const empty = await sliding.next(wishes, 300);
  assert.deepEqual(empty.rooms, {});
  assert.ok(performance.now() - begun >= 290);
  sliding.pos = pos;
  const giveUp = new AbortController();
  const given = sliding.ask(wishes, 30_000, giveUp.signal).catch((error: Error) => error.name);
  await isWaiting();
  giveUp.abort();
  assert.equal(await given, 'AbortError');
  await alice.say(room, 'for the second try');
  assert.deepEqual(bodies((await sliding.next(wishes, 30_000)).rooms[room].timeline), ['for the second try']);
});

onServers('unread counts follow the receipts of other devices [B138 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const sliding = new SlidingConnection(bob);
  const wishes = allRooms();
  await sliding.next(wishes);
  const event = await alice.say(room, `hello ${bob.userId}`, { 'm.mentions': { user_ids: [bob.userId] } });
  const unread = (await sliding.next(wishes)).rooms[room];
  assert.deepEqual([unread.notification_count, unread.highlight_count], [1, 1]);
  await bob.ok('POST', bob.room(room, `/receipt/m.read.private/${event}`), {});
  const read = (await sliding.next(wishes)).rooms[room];
  assert.deepEqual([read.notification_count, read.highlight_count, read.timeline], [0, 0, undefined]);
  assert.deepEqual((await sliding.next(wishes)).rooms, {});
});

onServers(
  'a list without timelines is told how much is unread, and which room is newest [B138 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const sliding = new SlidingConnection(bob);
    const before = (await sliding.next(allRooms(0))).rooms[room];
    assert.equal(before.notification_count, 0);
    const waiting = sliding.next(allRooms(0), 30_000);
    await alice.say(room, 'news');
    const told = (await waiting).rooms[room];
    assert.deepEqual([told?.notification_count, told?.timeline], [1, undefined]);
    assert.ok(told.bump_stamp > before.bump_stamp);
    await bob.say(room, 'read');
    assert.equal((await sliding.next(allRooms(0))).rooms[room].notification_count, 0);
    await alice.setState(room, 'm.room.topic', { topic: 'moves nothing' });
    assert.deepEqual((await sliding.next(allRooms(0))).rooms, {});
  },
);

onServers('the accepted form says the same in its own words [B138 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ name: 'Named', preset: 'public_chat' });
  const invite = await alice.createRoom({ invite: [bob.userId] });
  await bob.join(room);
  for (let i = 0; i < 4; i++) await alice.say(room, `m${i}`);
  const list = {
    range: [0, 9],
    timeline_limit: 1,
    required_state: {
      include: [{}],
      exclude: [{ type: 'm.room.create', state_key: '' }],
      lazy_members: true,
    },
  };
  const ask = (body: object) => bob.ok('POST', '/v4/sync', body);
  const first = await ask({ lists: { all: list, invites: { ...list, filters: { is_invited: true } } } });
  const told = first.rooms[room];
  assert.deepEqual([told.membership, told.lists, told.name], ['join', ['all'], 'Named']);
  const types = (told.required_state as Json[]).map((event) => event.type);
  assert.ok(!types.includes('m.room.create') && types.includes('m.room.power_levels'), types.join());
  assert.deepEqual(members(told), [alice.userId]);
  const invited = first.rooms[invite];
  assert.deepEqual(
    [invited.membership, invited.lists, invited.invite_state],
    ['invite', ['all', 'invites'], undefined],
  );
  assert.ok(invited.stripped_state.length > 0);
  await alice.setState(room, 'm.room.name', {});
  const subscription = { ...list, timeline_limit: 3, range: undefined };
  const more = await ask({
    pos: first.pos,
    timeout: 10_000,
    lists: { all: list },
    room_subscriptions: { [room]: subscription },
  });
  assert.deepEqual([more.rooms[room].name, more.rooms[room].expanded_timeline], [null, true]);
  await bob.fails(400, 'M_INVALID_PARAM', 'POST', '/v4/sync', { set_presence: 'asleep' });
  await bob.fails(400, 'M_UNKNOWN_POS', 'POST', '/v4/sync', { pos: 'x' });
  const many = Object.fromEntries(Array.from({ length: 101 }, (_, i) => [`!r${i}:x`, subscription]));
  await bob.fails(400, 'M_INVALID_PARAM', 'POST', '/v4/sync', { room_subscriptions: many });
});
