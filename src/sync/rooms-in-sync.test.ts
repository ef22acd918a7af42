import assert from 'node:assert/strict';
import { joined } from '../testing/client/sync-body.ts';
import { bodies, type Json } from '../testing/client/test-client.ts';
import { onServers } from '../testing/server/test-server.ts';

const texts = (body: Json, room: string): string[] => bodies(joined(body, room)?.timeline?.events);

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
