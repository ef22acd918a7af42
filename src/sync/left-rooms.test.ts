import assert from 'node:assert/strict';
import { type Json, type TestClient } from '../testing/client/test-client.ts';
import { onServers } from '../testing/server/test-server.ts';

const ownIn = (events: Json[], who: TestClient) =>
  events.findLast((event) => event.state_key === who.userId)?.content.membership;

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
