import assert from 'node:assert/strict';
import { onServers } from '../../testing/server/test-server.ts';
import { bodies, TestClient } from '../../testing/client/test-client.ts';
import { allRooms, counts, state, SlidingConnection } from './testing/sliding-connection.ts';

onServers('a room is told of from scratch, then what is new in it [B138 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ name: 'Garden', preset: 'public_chat', topic: 'plants' });
  await bob.join(room);
  for (const text of ['one', 'two', 'three']) await alice.say(room, text);
  const sliding = new SlidingConnection(bob);
  const wishes = allRooms(2, [
    ['m.room.topic', ''],
    ['m.room.member', '$ME'],
  ]);
  const first = await sliding.next(wishes);
  assert.deepEqual(counts(first), { all: 1 });
  const told = first.rooms[room];
  assert.equal(told.initial, true);
  assert.equal(told.name, 'Garden');
  assert.equal(told.limited, true);
  assert.equal(told.num_live, 0);
  assert.deepEqual([told.joined_count, told.invited_count], [2, 0]);
  assert.deepEqual(bodies(told.timeline), ['two', 'three']);
  assert.deepEqual(state(told), [`m.room.member|${bob.userId}`, 'm.room.topic|']);
  assert.ok(told.bump_stamp > 0);
  assert.equal(told.heroes, undefined);

  const nothing = await sliding.next(wishes);
  assert.deepEqual(nothing.rooms, {});
  assert.deepEqual(counts(nothing), { all: 1 });

  await alice.say(room, 'four');
  const news = (await sliding.next(wishes)).rooms[room];
  assert.deepEqual(bodies(news.timeline), ['four']);
  assert.deepEqual([news.initial, news.limited, news.num_live, news.name], [undefined, false, 1, undefined]);
  assert.equal(news.required_state, undefined);
  assert.deepEqual([news.notification_count, news.highlight_count], [4, 0]);
  assert.ok(news.bump_stamp > told.bump_stamp);

  await alice.setState(room, 'm.room.topic', { topic: 'flowers' });
  await alice.setState(room, 'm.room.name', { name: 'Park' });
  const changed = (await sliding.next(wishes)).rooms[room];
  assert.deepEqual([changed.name, changed.bump_stamp], ['Park', undefined]);
  assert.deepEqual(state(changed), ['m.room.topic|']);
  const page = await bob.ok('GET', bob.room(room, `/messages?dir=b&limit=2&from=${changed.prev_batch}`));
  assert.deepEqual(bodies(page.chunk), ['four', 'three']);
  await bob.ok('GET', bob.room(room, `/messages?dir=b&from=${sliding.pos}`));
});

onServers('an answer that got lost is given again [B138 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  const later = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const sliding = new SlidingConnection(bob);
  const wishes = allRooms(10, [['m.room.member', '$LAZY']]);
  await sliding.next(wishes);
  await alice.say(room, 'hello');
  const lost = await sliding.ask(wishes);
  assert.deepEqual(bodies(lost.rooms[room].timeline), ['hello']);
  await bob.join(later);
  await alice.say(later, 'here');
  const alsoLost = await sliding.ask(wishes);
  assert.equal(alsoLost.rooms[later].initial, true);
  const got = await sliding.next(wishes);
  assert.deepEqual(bodies(got.rooms[room].timeline), ['hello']);
  assert.deepEqual(state(got.rooms[room]), state(lost.rooms[room]));
  assert.equal(got.rooms[later].initial, true);
  assert.deepEqual(state(got.rooms[later]), state(alsoLost.rooms[later]));
  assert.deepEqual((await sliding.next(wishes)).rooms, {});
});

onServers(
  'what a connection was sent outlives a restart, in either process [B138 partial]',
  async (world) => {
    const [alice, bob] = [await world.person('alice'), await world.person('bob')];
    const rooms: string[] = [];
    for (let i = 0; i < 3; i++)
      rooms.push(await alice.createRoom({ preset: 'public_chat', name: `room ${i}` }));
    for (const room of rooms) await bob.join(room);
    const sliding = new SlidingConnection(bob);
    const wishes = allRooms(5);
    assert.equal(Object.keys((await sliding.next(wishes)).rooms).length, 3);
    const other = new TestClient((await world.another()).url, bob.token);
    const there = new SlidingConnection(other);
    there.pos = sliding.pos;
    await alice.say(rooms[1]!, 'across');
    const body = await there.next(wishes);
    assert.deepEqual(Object.keys(body.rooms), [rooms[1]]);
    assert.deepEqual(bodies(body.rooms[rooms[1]!].timeline), ['across']);
    await world.restart();
    const again = new SlidingConnection(new TestClient(world.server.url, bob.token));
    again.pos = there.pos;
    assert.deepEqual((await again.next(wishes)).rooms, {});
    await new TestClient(world.server.url, alice.token).send(rooms[2]!, 'm.room.message', {
      msgtype: 'm.text',
      body: 'after',
    });
    assert.deepEqual(Object.keys((await again.next(wishes)).rooms), [rooms[2]]);
  },
);

onServers('what was read during a restart takes the unread count away [B138 partial]', async (world) => {
  const [alice, bob] = [await world.person('alice'), await world.person('bob')];
  const [read, other] = [
    await alice.createRoom({ preset: 'public_chat' }),
    await alice.createRoom({ preset: 'public_chat' }),
  ];
  for (const room of [read, other]) await bob.join(room);
  const sliding = new SlidingConnection(bob);
  await sliding.next(allRooms(5));
  const message = await alice.say(read, 'news');
  await alice.say(other, 'news');
  await sliding.next(allRooms(5));
  await bob.ok('POST', bob.room(read, `/receipt/m.read/${encodeURIComponent(message)}`), {});
  await world.restart();
  const again = new SlidingConnection(new TestClient(world.server.url, bob.token));
  again.pos = sliding.pos;
  const { rooms } = await again.next(allRooms(5));
  assert.deepEqual([Object.keys(rooms), rooms[read].notification_count], [[read], 0]);
});

onServers(
  'what is read takes the unread count away that another process told of [B138 partial]',
  async (s) => {
    const [alice, bob] = [await s.person('alice'), await s.person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const here = new SlidingConnection(bob);
    const there = new SlidingConnection(new TestClient((await s.another()).url, bob.token));
    const wishes = allRooms(1);
    await here.next(wishes);
    await here.next(wishes);
    const message = await alice.say(room, 'news');
    there.pos = here.pos;
    assert.equal((await there.next(wishes)).rooms[room].notification_count, 1);
    await bob.ok('POST', bob.room(room, `/receipt/m.read/${encodeURIComponent(message)}`), {});
    here.pos = there.pos;
    assert.equal((await here.next(wishes)).rooms[room]?.notification_count, 0);
  },
);

onServers('a position that is not known is refused with M_UNKNOWN_POS [B138 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  await alice.createRoom();
  await bob.createRoom();
  const wishes = allRooms();
  const sliding = new SlidingConnection(alice);
  await sliding.next(wishes);
  const bobs = new SlidingConnection(bob);
  await bobs.next(wishes);
  bobs.pos = sliding.pos;
  await bobs.fails(400, 'M_UNKNOWN_POS', wishes);
  const otherConnection = new SlidingConnection(alice, 'other');
  otherConnection.pos = sliding.pos;
  await otherConnection.fails(400, 'M_UNKNOWN_POS', wishes);
  const old = sliding.pos;
  sliding.pos = undefined;
  await sliding.next(wishes);
  sliding.pos = old;
  await sliding.fails(400, 'M_UNKNOWN_POS', wishes);
  for (const pos of ['nonsense', 's99999999', 's1cnever']) {
    sliding.pos = pos;
    await sliding.fails(400, 'M_UNKNOWN_POS', wishes);
  }
  sliding.pos = undefined;
  await sliding.fails(400, 'M_BAD_JSON', { lists: { all: { timeline_limit: 'many' } } });
  await sliding.fails(400, 'M_BAD_JSON', { lists: [] });
});

onServers('lists are windows on the rooms by their newest event [B138 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const rooms: string[] = [];
  for (let i = 0; i < 6; i++) rooms.push(await alice.createRoom({ preset: 'public_chat' }));
  for (const room of rooms) await bob.join(room);
  await alice.say(rooms[0]!, 'newest');
  const windowed = (to: number) => allRooms(3, [], { ranges: [[0, to]] });
  const sliding = new SlidingConnection(bob);
  const first = await sliding.next(windowed(1));
  assert.deepEqual(new Set(Object.keys(first.rooms)), new Set([rooms[0], rooms[5]]));
  assert.deepEqual(counts(first), { all: 6 });
  const grown = await sliding.next(windowed(3));
  assert.deepEqual(new Set(Object.keys(grown.rooms)), new Set([rooms[4], rooms[3]]));
  const whole = await sliding.next(windowed(19));
  assert.deepEqual(new Set(Object.keys(whole.rooms)), new Set([rooms[2], rooms[1]]));
  await alice.say(rooms[2]!, 'up');
  await alice.say(rooms[3]!, 'out of sight');
  for (const room of [rooms[1]!, rooms[2]!]) await alice.say(room, 'in sight');
  const small = await sliding.next(windowed(1));
  assert.deepEqual(new Set(Object.keys(small.rooms)), new Set([rooms[1], rooms[2]]));
  assert.deepEqual(bodies(small.rooms[rooms[2]!].timeline), ['up', 'in sight']);
  assert.deepEqual((await sliding.next(windowed(1))).rooms, {});
  const later = await sliding.next(windowed(19));
  assert.deepEqual(Object.keys(later.rooms), [rooms[3]]);
  const told = later.rooms[rooms[3]!];
  assert.deepEqual([told.initial, bodies(told.timeline), told.num_live], [undefined, ['out of sight'], 0]);
  const sliced = await sliding.next(
    allRooms(1, [], {
      ranges: [
        [0, 0],
        [3, 4],
      ],
    }),
  );
  assert.deepEqual(sliced.rooms, {});
});

onServers(
  'a long connection is kept in one piece, and a device keeps ten of them [B138 partial]',
  async (world) => {
    const alice = await world.person('alice');
    const wishes = allRooms(1);
    const sliding = new SlidingConnection(alice);
    const rooms: string[] = [];
    for (let i = 0; i < 20; i++) {
      rooms.push(await alice.createRoom());
      assert.deepEqual(Object.keys((await sliding.next(wishes)).rooms), [rooms[i]]);
    }
    await world.restart();
    const again = world.anonymous();
    again.token = alice.token;
    const later = new SlidingConnection(again);
    later.pos = sliding.pos;
    assert.deepEqual((await later.next(wishes)).rooms, {});
    await again.say(rooms[3]!, 'still followed');
    assert.deepEqual(Object.keys((await later.next(wishes)).rooms), [rooms[3]]);
    for (let i = 0; i < 10; i++) await new SlidingConnection(again, `other ${i}`).next(wishes);
    await world.restart();
    const last = new SlidingConnection(world.anonymous());
    last.client.token = alice.token;
    last.pos = later.pos;
    await last.fails(400, 'M_UNKNOWN_POS', wishes);
  },
);
