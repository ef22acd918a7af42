import assert from 'node:assert/strict';
import { onServers } from '../../testing/server/test-server.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';
import { allRooms, SlidingConnection } from './testing/sliding-connection.ts';

function state(room: Json): string[] {
  return ((room.required_state ?? []) as Json[]).map((event) => `${event.type}|${event.state_key}`).sort();
}

function members(room: Json): string[] {
  return ((room.required_state ?? []) as Json[])
    .filter((event) => event.type === 'm.room.member')
    .map((event) => `${event.state_key}`)
    .sort();
}

onServers('required state goes by type and state key, with wildcards [B138 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ name: 'n', topic: 't', preset: 'public_chat' });
  await bob.join(room);
  await alice.setState(room, 'org.example.flag', {}, 'a');
  await alice.setState(room, 'org.example.flag', {}, 'b');
  const sliding = new SlidingConnection(alice);
  const told = async (pairs: string[][]) => {
    sliding.pos = undefined;
    return state((await sliding.next(allRooms(1, pairs))).rooms[room]);
  };
  assert.deepEqual(await told([]), []);
  assert.deepEqual(await told([['org.example.flag', '*']]), ['org.example.flag|a', 'org.example.flag|b']);
  assert.deepEqual(await told([['*', 'a']]), ['org.example.flag|a']);
  assert.deepEqual(await told([['m.room.member', '*']]), [
    `m.room.member|${alice.userId}`,
    `m.room.member|${bob.userId}`,
  ]);
  const all = await told([['*', '*']]);
  assert.ok(all.includes('m.room.create|') && all.includes(`m.room.member|${bob.userId}`), all.join());
  const lazily = await told([
    ['*', '*'],
    ['m.room.member', '$LAZY'],
  ]);
  assert.ok(
    lazily.includes('m.room.create|') && !lazily.includes(`m.room.member|${bob.userId}`),
    lazily.join(),
  );
});

onServers('members are loaded lazily, once to each connection [B138 partial]', async ({ person }) => {
  const [alice, bob, carol] = [await person('alice'), await person('bob'), await person('carol')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  await carol.join(room);
  await alice.say(room, 'one');
  await bob.say(room, 'two');
  const lazy = allRooms(2, [['m.room.member', '$LAZY']]);
  const sliding = new SlidingConnection(carol);
  assert.deepEqual(members((await sliding.next(lazy)).rooms[room]), [alice.userId, bob.userId]);
  await bob.say(room, 'three');
  assert.deepEqual(members((await sliding.next(lazy)).rooms[room]), []);
  await carol.say(room, 'four');
  assert.deepEqual(members((await sliding.next(lazy)).rooms[room]), [carol.userId]);
  const other = new SlidingConnection(carol, 'other');
  assert.deepEqual(members((await other.next(lazy)).rooms[room]), [bob.userId, carol.userId]);
  await bob.setState(room, 'm.room.member', { membership: 'join', displayname: 'Bobby' }, bob.userId);
  const renamed = (await sliding.next(lazy)).rooms[room];
  assert.deepEqual(members(renamed), [bob.userId]);
  assert.equal(renamed.required_state[0].content.displayname, 'Bobby');
  await bob.setState(room, 'm.room.member', { membership: 'join', displayname: 'Rob' }, bob.userId);
  for (let i = 0; i < 4; i++) await alice.say(room, `a${i}`);
  const limited = (await sliding.next(lazy)).rooms[room];
  assert.equal(limited.limited, true);
  assert.deepEqual(members(limited), []);
  await bob.say(room, 'with a new name');
  const latest = (await sliding.next(lazy)).rooms[room];
  assert.deepEqual(members(latest), [bob.userId]);
  assert.equal(latest.required_state[0].content.displayname, 'Rob');
});

onServers(
  'members come again when the answer that showed more of a room got lost [B138 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    await alice.say(room, 'one');
    await bob.say(room, 'two');
    const lazy = (limit: number) => allRooms(limit, [['m.room.member', '$LAZY']]);
    const sliding = new SlidingConnection(bob);
    assert.deepEqual(members((await sliding.next(lazy(1))).rooms[room]), [bob.userId]);
    assert.deepEqual(members((await sliding.ask(lazy(2))).rooms[room]), [alice.userId]);
    assert.deepEqual(members((await sliding.next(lazy(2))).rooms[room]), [alice.userId]);
    assert.deepEqual(members((await sliding.next(lazy(3))).rooms[room]), []);
  },
);

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

onServers(
  'who leaves or is removed is told so, and nothing of what comes after [B138 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const [left, kicked, banned] = await Promise.all(
      [0, 1, 2].map(() => alice.createRoom({ preset: 'public_chat' })),
    );
    for (const room of [left!, kicked!, banned!]) await bob.join(room);
    const declined = await alice.createRoom({ name: 'private', invite: [bob.userId] });
    const withdrawn = await alice.createRoom({ invite: [bob.userId] });
    const wishes = allRooms(10, [
      ['m.room.member', '*'],
      ['m.room.topic', ''],
    ]);
    const sliding = new SlidingConnection(bob);
    assert.deepEqual((await sliding.next(wishes)).lists.all, { count: 5 });
    await bob.ok('POST', bob.room(left!, '/leave'), {});
    await bob.ok('POST', bob.room(declined, '/leave'), {});
    await alice.ok('POST', alice.room(withdrawn, '/kick'), { user_id: bob.userId });
    await alice.ok('POST', alice.room(kicked!, '/kick'), { user_id: bob.userId });
    await alice.ok('POST', alice.room(banned!, '/ban'), { user_id: bob.userId });
    for (const room of [left!, kicked!, banned!, declined]) {
      await alice.setState(room, 'm.room.name', { name: 'behind the back' });
      await alice.setState(room, 'm.room.topic', { topic: 'behind the back' });
      await alice.say(room, 'behind the back');
    }
    const body = await sliding.next(wishes);
    assert.deepEqual(body.lists.all, { count: 2 });
    const own = (room: Json) =>
      (room.required_state as Json[]).find((event) => event.state_key === bob.userId);
    for (const [room, membership] of [
      [left, 'leave'],
      [kicked, 'leave'],
      [banned, 'ban'],
      [declined, 'leave'],
      [withdrawn, 'leave'],
    ] as const) {
      const told = body.rooms[room!];
      assert.equal(own(told).content.membership, membership);
      assert.deepEqual(bodies(told.timeline), []);
      assert.ok(!JSON.stringify(told).includes('behind the back'), room);
    }
    assert.equal(JSON.stringify(body.rooms[declined]).includes('private'), false);
    assert.deepEqual((await sliding.next(wishes)).rooms, {});
    const fresh = new SlidingConnection(bob, 'fresh');
    const initial = await fresh.next(wishes);
    assert.deepEqual(new Set(Object.keys(initial.rooms)), new Set([kicked, banned]));
    assert.ok(!JSON.stringify(initial.rooms).includes('behind the back'));
    const list = { ranges: [[0, 9]], timeline_limit: 1, required_state: [] };
    const guess = { lists: { guess: { ...list, filters: { room_name_like: 'behind' } } } };
    const guessed = await new SlidingConnection(bob, 'guess').next(guess);
    assert.deepEqual(guessed.lists.guess, { count: 0 }, 'nor by what a list is asked for');
    await alice.ok('POST', alice.room(kicked!, '/invite'), { user_id: bob.userId });
    await bob.join(kicked!);
    const back = (await sliding.next(wishes)).rooms[kicked!];
    assert.equal(back.initial, true);
    assert.ok(bodies(back.timeline).includes('behind the back'));
    await bob.ok('POST', bob.room(banned!, '/forget'), {});
    fresh.pos = undefined;
    const afterwards = await fresh.next(wishes);
    assert.deepEqual([Object.keys(afterwards.rooms), afterwards.lists.all], [[kicked], { count: 1 }]);
  },
);

for (const how of ['lists', 'room_subscriptions'] as const) {
  onServers(
    `who left rooms and forgot them is told that they are out of them, in ${how} [B138 partial]`,
    async ({ person }) => {
      const [alice, bob] = [await person('alice'), await person('bob')];
      const left = await alice.createRoom({ preset: 'public_chat' });
      const declined = await alice.createRoom({ invite: [bob.userId] });
      await bob.join(left);
      const wanted = { timeline_limit: 1, required_state: [['m.room.member', bob.userId]] };
      const subscribed = { room_subscriptions: { [left]: wanted, [declined]: wanted } };
      const wishes = how === 'lists' ? { lists: { all: { ...wanted, ranges: [[0, 9]] } } } : subscribed;
      const sliding = new SlidingConnection(bob);
      assert.equal(Object.keys((await sliding.next(wishes)).rooms).length, 2);
      for (const room of [left, declined]) {
        await bob.ok('POST', bob.room(room, '/leave'), {});
        await bob.ok('POST', bob.room(room, '/forget'), {});
      }
      const { rooms } = await sliding.next(wishes);
      for (const room of [left, declined])
        assert.equal(rooms[room]?.required_state[0].content.membership, 'leave');
      await alice.ok('POST', alice.room(left, '/ban'), { user_id: bob.userId });
      assert.deepEqual((await sliding.next(wishes)).rooms, {}, 'not of what became of them later');
    },
  );
}

onServers(
  'who was away between two requests does not see what was said then [B138 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const visibility = { history_visibility: 'joined' };
    const room = await alice.createRoom({
      preset: 'public_chat',
      initial_state: [{ type: 'm.room.history_visibility', state_key: '', content: visibility }],
    });
    await bob.join(room);
    const sliding = new SlidingConnection(bob);
    await sliding.next(allRooms(10));
    await bob.ok('POST', bob.room(room, '/leave'), {});
    await alice.say(room, 'behind the back');
    await bob.join(room);
    await alice.say(room, 'welcome back');
    const { timeline } = (await sliding.next(allRooms(10))).rooms[room];
    assert.deepEqual(bodies(timeline), ['welcome back']);
  },
);

onServers(
  'who left and is banned later learns nothing of the time between [B138 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const visibility = { history_visibility: 'joined' };
    const room = await alice.createRoom({
      preset: 'public_chat',
      topic: 'open',
      initial_state: [{ type: 'm.room.history_visibility', state_key: '', content: visibility }],
    });
    await bob.join(room);
    const state = [
      ['m.room.topic', ''],
      ['m.room.member', '$ME'],
    ];
    const [told, unaware] = [new SlidingConnection(bob, 'told'), new SlidingConnection(bob, 'unaware')];
    for (const sliding of [told, unaware]) await sliding.next(allRooms(5, state));
    await bob.ok('POST', bob.room(room, '/leave'), {});
    await told.next(allRooms(5, state));
    for (const type of ['topic', 'name']) await alice.setState(room, `m.room.${type}`, { [type]: 'secret' });
    await alice.setState(room, 'm.room.avatar', { url: 'mxc://localhost/secret' });
    await alice.ok('POST', alice.room(room, '/ban'), { user_id: bob.userId });
    const subscription = { timeline_limit: 5, required_state: state };
    const answers = [
      await told.next(allRooms(5, state)),
      await unaware.next(allRooms(5, state)),
      await new SlidingConnection(bob, 'new').next({ room_subscriptions: { [room]: subscription } }),
    ];
    for (const { rooms } of answers) {
      assert.ok(!JSON.stringify(rooms[room]).includes('secret'), JSON.stringify(rooms[room]));
      const own = (rooms[room].required_state as Json[]).filter((event) => event.state_key === bob.userId);
      assert.deepEqual(
        own.map((event) => event.content.membership),
        ['ban'],
      );
    }
    const topics = (answers[2]!.rooms[room].required_state as Json[]).filter(
      (event) => event.type === 'm.room.topic',
    );
    assert.deepEqual(
      topics.map((event) => event.content.topic),
      ['open'],
    );
  },
);

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
