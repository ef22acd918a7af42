import assert from 'node:assert/strict';
import type { Json } from '../testing/client/test-client.ts';
import { onServers } from '../testing/server/test-server.ts';

const lazy = (state: object = {}, room: object = {}): string =>
  JSON.stringify({ room: { state: { lazy_load_members: true, ...state }, ...room } });
const membersIn = (events: Json): string[] =>
  (events ?? [])
    .filter((event: Json) => event.type === 'm.room.member')
    .map((event: Json) => event.state_key)
    .sort();

for (const key of ['state', 'state_after']) {
  onServers(
    `who stands for a room without a name comes with their membership in ${key} [B025 partial]`,
    async ({ person }) => {
      const [alice, bob, carol] = [await person('alice'), await person('bob'), await person('carol')];
      const room = await alice.createRoom({ preset: 'public_chat' });
      await bob.join(room);
      await carol.join(room);
      for (let i = 0; i < 12; i++) await alice.say(room, `m${i}`);
      const query = { filter: lazy(), use_state_after: String(key === 'state_after') };
      const first = await bob.sync(query);
      const body = first.rooms.join[room];
      assert.deepEqual([...body.summary['m.heroes']].sort(), [alice.userId, carol.userId]);
      assert.deepEqual(membersIn(body[key].events), [alice.userId, bob.userId, carol.userId]);
      const dave = await person('dave');
      await dave.join(room);
      const next = (await bob.sync({ ...query, since: first.next_batch })).rooms.join[room];
      assert.ok(next.summary['m.heroes'].includes(dave.userId));
      const told = key === 'state' ? next.timeline.events : next.state_after.events;
      assert.deepEqual(membersIn(told), [dave.userId]);
      assert.deepEqual(membersIn(next[key].events), key === 'state' ? [] : [dave.userId]);
    },
  );
}

onServers(
  'who speaks comes again with an answer that is asked for again [B025 partial]',
  async ({ person }) => {
    const [alice, bob, carol] = [await person('alice'), await person('bob'), await person('carol')];
    const room = await alice.createRoom({ preset: 'public_chat', name: 'named' });
    await bob.join(room);
    await carol.join(room);
    for (let i = 0; i < 12; i++) await alice.say(room, `m${i}`);
    const filter = lazy();
    const members = (body: Json) => membersIn(body.rooms.join[room].state.events);
    const { next_batch: since } = await bob.sync({ filter });
    await carol.say(room, 'hello');
    const lost = await bob.sync({ filter, since });
    assert.deepEqual(members(lost), [carol.userId]);
    const again = await bob.sync({ filter, since });
    assert.deepEqual(members(again), [carol.userId]);
    await carol.say(room, 'and more');
    assert.deepEqual(members(await bob.sync({ filter, since: again.next_batch })), []);
  },
);

onServers('a membership that a filter hid is not taken for known [B025 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat', name: 'named' });
  await bob.join(room);
  for (let i = 0; i < 12; i++) await alice.say(room, `m${i}`);
  const timeline = { limit: 5 };
  const { next_batch: since } = await bob.sync({ filter: lazy({ types: ['m.room.name'] }, { timeline }) });
  await alice.say(room, 'now');
  const { rooms } = await bob.sync({ filter: lazy({}, { timeline }), since });
  assert.deepEqual(membersIn(rooms.join[room].state.events), [alice.userId]);
});

onServers('one whose joining the timeline shows is known [B025 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat', name: 'named' });
  const filter = lazy();
  const { next_batch: since } = await alice.sync({ filter });
  await bob.join(room);
  const joins = await alice.sync({ filter, since });
  assert.deepEqual(membersIn(joins.rooms.join[room].timeline.events), [bob.userId]);
  await bob.say(room, 'hello');
  const { rooms } = await alice.sync({ filter, since: joins.next_batch });
  assert.deepEqual(membersIn(rooms.join[room].state.events), []);
});
