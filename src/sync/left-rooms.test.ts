import assert from 'node:assert/strict';
import { type Json, type TestClient } from '../testing/client/test-client.ts';
import { onServers } from '../testing/server/test-server.ts';

function ownIn(events: Json[], who: TestClient): string | undefined {
  return events.findLast((event) => event.state_key === who.userId)?.content.membership;
}

for (const stateAs of ['state', 'state_after']) {
  const use_state_after = String(stateAs === 'state_after');
  const hidden = { history_visibility: 'joined' };
  const made = {
    preset: 'public_chat',
    topic: 'open',
    initial_state: [{ type: 'm.room.history_visibility', state_key: '', content: hidden }],
  };
  const topics = (room: Json): string[] =>
    [...room[stateAs].events, ...room.timeline.events]
      .filter((event: Json) => event.type === 'm.room.topic')
      .map((event: Json) => event.content.topic);

  onServers(
    `who left and is banned later learns nothing of the time between, as ${stateAs} [B026 partial]`,
    async ({ person }) => {
      const [alice, bob] = [await person('alice'), await person('bob')];
      const room = await alice.createRoom(made);
      await bob.join(room);
      const { next_batch: since } = await bob.sync();
      await alice.setState(room, 'm.room.topic', { topic: 'seen' });
      await bob.ok('POST', bob.room(room, '/leave'), {});
      await alice.setState(room, 'm.room.topic', { topic: 'secret' });
      await alice.ok('POST', alice.room(room, '/ban'), { user_id: bob.userId });
      const filter = JSON.stringify({ room: { timeline: { types: ['m.room.message'] } } });
      const left = (await bob.sync({ since, filter, use_state_after })).rooms.leave[room];
      assert.deepEqual(topics(left), ['seen']);
      assert.equal(ownIn(left[stateAs].events, bob), 'ban');
    },
  );

  onServers(
    `who left and declines an invite later has the state of then, as ${stateAs} [B026 partial]`,
    async ({ person }) => {
      const [alice, bob] = [await person('alice'), await person('bob')];
      const room = await alice.createRoom(made);
      await bob.join(room);
      await bob.ok('POST', bob.room(room, '/leave'), {});
      await alice.setState(room, 'm.room.topic', { topic: 'secret' });
      for (let i = 0; i < 12; i++) await alice.say(room, `m${i}`);
      await alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
      await bob.ok('POST', bob.room(room, '/leave'), {});
      const filter = JSON.stringify({ room: { include_leave: true } });
      const left = (await bob.sync({ filter, use_state_after })).rooms.leave[room];
      assert.deepEqual(topics(left), ['open']);
      assert.equal(ownIn(left.timeline.events, bob), 'leave');
    },
  );
}

onServers(
  'events of a room that was left tell what the user was in it when they happened',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await alice.say(room, 'before');
    await bob.join(room);
    await bob.say(room, 'within');
    await bob.ok('POST', bob.room(room, '/leave'), {});
    const filter = JSON.stringify({ room: { include_leave: true, timeline: { limit: 4 } } });
    const { events } = (await bob.sync({ filter })).rooms.leave[room].timeline;
    assert.deepEqual(
      events.map((event: Json) => [event.type, event.unsigned.membership]),
      [
        ['m.room.message', 'leave'],
        ['m.room.member', 'join'],
        ['m.room.message', 'join'],
        ['m.room.member', 'leave'],
      ],
    );
  },
);

onServers(
  'who syncs first is told of the rooms that others put them out of, until they forget them [B026 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const rooms: string[] = [];
    const made = { preset: 'public_chat', invite: [bob.userId] };
    for (let i = 0; i < 5; i++) rooms.push(await alice.createRoom(made));
    const [left, kicked, banned, retracted, forgotten] = rooms as [string, string, string, string, string];
    for (const room of [left, kicked, banned, forgotten]) await bob.join(room);
    await bob.ok('POST', bob.room(left, '/leave'), {});
    for (const room of [kicked, retracted, forgotten])
      await alice.ok('POST', alice.room(room, '/kick'), { user_id: bob.userId });
    await alice.ok('POST', alice.room(banned, '/ban'), { user_id: bob.userId });
    await bob.ok('POST', bob.room(forgotten, '/forget'), {});
    const told = (await bob.sync()).rooms;
    assert.deepEqual(Object.keys(told), ['leave']);
    assert.deepEqual(Object.keys(told.leave).sort(), [kicked, banned, retracted].sort());
    assert.equal(ownIn(told.leave[banned].timeline.events, bob), 'ban');
    await alice.ok('POST', alice.room(banned, '/unban'), { user_id: bob.userId });
    const unbanned = (await bob.sync()).rooms.leave[banned];
    assert.equal(ownIn(unbanned.timeline.events, bob), 'leave');
  },
);

onServers(
  'who forgot a room hears no more of it when they are banned and unbanned, until they join again [B026 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    await bob.ok('POST', bob.room(room, '/leave'), {});
    const { next_batch: since } = await bob.sync();
    await bob.ok('POST', bob.room(room, '/forget'), {});
    const filter = JSON.stringify({ room: { include_leave: true } });
    for (const act of ['/ban', '/unban']) {
      await alice.ok('POST', alice.room(room, act), { user_id: bob.userId });
      assert.equal((await bob.sync({ since })).rooms, undefined, act);
      assert.equal((await bob.sync({ filter })).rooms, undefined, act);
      await bob.fails(403, 'M_FORBIDDEN', 'GET', bob.room(room, '/messages?dir=b'));
    }
    await bob.join(room);
    assert.ok((await bob.sync({ since })).rooms.join[room]);
  },
);

onServers('who left a room and forgot it is told once that they are out of it', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat', invite: [bob.userId] });
  const { next_batch: invited } = await bob.sync();
  await bob.join(room);
  const { next_batch: since } = await bob.sync();
  await bob.ok('POST', bob.room(room, '/leave'), {});
  await bob.ok('POST', bob.room(room, '/forget'), {});
  for (const token of [invited, since]) {
    const told = await bob.sync({ since: token });
    assert.equal(ownIn(told.rooms.leave[room].timeline.events, bob), 'leave');
    assert.equal((await bob.sync({ since: told.next_batch })).rooms, undefined);
  }
});
