import assert from 'node:assert/strict';
import { onServers } from '../../testing/server/test-server.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';
import { allRooms, SlidingConnection } from './testing/sliding-connection.ts';

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
