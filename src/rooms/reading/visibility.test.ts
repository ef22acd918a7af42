import assert from 'node:assert/strict';
import { bodies, type Json, type TestClient } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

const VISIBILITIES = ['world_readable', 'shared', 'invited', 'joined'] as const;
type Visibility = (typeof VISIBILITIES)[number];

/** Bob's way through a room; a message is sent after each step. */
const STEPS = ['outside', 'invited', 'joined', 'left'] as const;

/** Which messages Bob may read at the end, by visibility: sent while he was outside, invited, joined, and after he left. */
const READABLE: Readonly<Record<Visibility, readonly string[]>> = {
  world_readable: ['outside', 'invited', 'joined', 'left'],
  shared: ['outside', 'invited', 'joined'],
  invited: ['invited', 'joined'],
  joined: ['joined'],
};

/** Every way to read messages of a room. */
const READERS: Readonly<
  Record<string, (who: TestClient, room: string, ids: Record<string, string>) => Promise<string[]>>
> = {
  async messages(who, room) {
    const answer = await who.ask('GET', who.room(room, '/messages?dir=b&limit=100'));
    return answer.status === 200 ? bodies(answer.body.chunk) : [];
  },
  async 'messages forwards'(who, room) {
    const answer = await who.ask('GET', who.room(room, '/messages?dir=f&limit=100'));
    return answer.status === 200 ? bodies(answer.body.chunk) : [];
  },
  async event(who, room, ids) {
    const seen: string[] = [];
    for (const [body, id] of Object.entries(ids)) {
      const answer = await who.ask('GET', who.room(room, `/event/${id}`));
      if (answer.status === 200) seen.push(body);
      else assert.equal(answer.status, 404);
    }
    return seen;
  },
  async context(who, room, ids) {
    const seen = new Set<string>();
    for (const id of Object.values(ids)) {
      const answer = await who.ask('GET', who.room(room, `/context/${id}?limit=100`));
      if (answer.status !== 200) continue;
      const { event, events_before: before, events_after: after } = answer.body;
      for (const body of [event?.content?.body ?? '', ...bodies(before), ...bodies(after)]) seen.add(body);
    }
    return [...seen].filter((body) => STEPS.includes(body as (typeof STEPS)[number]));
  },
  async 'initial sync with left rooms'(who, room) {
    const filter = JSON.stringify({ room: { include_leave: true, timeline: { limit: 100 } } });
    const body = await who.sync({ filter });
    const rooms = { ...body.rooms?.leave, ...body.rooms?.join };
    return bodies(rooms[room]?.timeline?.events);
  },
};

for (const visibility of VISIBILITIES) {
  onServers(`what one may read of a room whose history is ${visibility} [B050]`, async ({ person }) => {
    const [alice, bob, eve] = await Promise.all(['alice', 'bob', 'eve'].map(person));
    assert.ok(alice && bob && eve);
    const room = await alice.createRoom({
      initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: visibility } }],
    });
    const ids: Record<string, string> = {};
    ids.outside = await alice.say(room, 'outside');
    await alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
    ids.invited = await alice.say(room, 'invited');
    await bob.join(room);
    ids.joined = await alice.say(room, 'joined');
    await check(
      bob,
      room,
      ids,
      READABLE[visibility].filter((step) => step !== 'left'),
    );
    await bob.ok('POST', bob.room(room, '/leave'), {});
    ids.left = await alice.say(room, 'left');
    await check(alice, room, ids, STEPS);
    const expected = READABLE[visibility];
    for (const [name, read] of Object.entries(READERS)) {
      const shown = (await read(bob, room, ids)).sort();
      const due = name.includes('sync') ? expected.filter((step) => step !== 'left') : expected;
      assert.deepEqual(shown, [...due].sort(), `bob, ${name}`);
      if (name.includes('sync')) continue;
      const outside = visibility === 'world_readable' ? STEPS : [];
      assert.deepEqual((await read(eve, room, ids)).sort(), [...outside].sort(), `eve, ${name}`);
    }
    const state = await eve.ask('GET', eve.room(room, '/state'));
    assert.equal(state.status, visibility === 'world_readable' ? 200 : 403);
    const members = await eve.ask('GET', eve.room(room, '/members'));
    assert.equal(members.status, visibility === 'world_readable' ? 200 : 403);
  });
}

async function check(
  who: TestClient,
  room: string,
  ids: Record<string, string>,
  expected: readonly string[],
): Promise<void> {
  for (const [name, read] of Object.entries(READERS)) {
    assert.deepEqual((await read(who, room, ids)).sort(), [...expected].sort(), `${who.userId}, ${name}`);
  }
}

onServers('state after leaving is that of the time of leaving [B050] [B028 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat', name: 'before' });
  await bob.join(room);
  await bob.ok('POST', bob.room(room, '/leave'), {});
  await alice.setState(room, 'm.room.name', { name: 'after' });
  assert.equal((await bob.ok('GET', bob.room(room, '/state/m.room.name'))).name, 'before');
  const state = await bob.ok('GET', bob.room(room, '/state'));
  assert.equal(state.find((event: Json) => event.type === 'm.room.name')?.content?.name, 'before');
});

onServers(
  'who left before an event was redacted is not shown why, whoever is there is [B050] [B030 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const { next_batch: since } = await bob.sync();
    const said = await alice.say(room, 'a slip');
    await bob.ok('POST', bob.room(room, '/leave'), {});
    const redact = alice.room(room, `/redact/${said}/once`);
    const { event_id: redaction } = await alice.ok('PUT', redact, { reason: 'Bob is not to know' });
    const because = (events: Json[]) => {
      const { content, unsigned } = events.find((event) => event.event_id === said);
      assert.deepEqual(content, {});
      return unsigned.redacted_because;
    };
    const page = '/messages?dir=b&limit=100';
    const toBob = [
      because((await bob.ok('GET', bob.room(room, page))).chunk),
      because((await bob.sync({ since })).rooms.leave[room].timeline.events),
    ];
    const { origin_server_ts: at } = await bob.ok('GET', bob.room(room, `/event/${said}`));
    const nothing = { type: 'm.room.redaction', event_id: said, redacts: said, room_id: room };
    for (const told of toBob) {
      const about = { sender: alice.userId, origin_server_ts: at, content: {}, unsigned: {} };
      assert.deepEqual(told, { ...nothing, ...about }, 'what clients need to read it');
    }
    const shown = because((await alice.ok('GET', alice.room(room, page))).chunk);
    assert.deepEqual([shown.event_id, shown.content.reason], [redaction, 'Bob is not to know']);
  },
);

onServers('a changed visibility holds for what is sent after it [B050]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await alice.say(room, 'shared');
  await alice.setState(room, 'm.room.history_visibility', { history_visibility: 'joined' });
  await alice.say(room, 'hidden');
  await bob.join(room);
  await alice.say(room, 'seen');
  const { chunk } = await bob.ok('GET', bob.room(room, '/messages?dir=f&limit=100'));
  assert.deepEqual(bodies(chunk), ['shared', 'seen']);
});

onServers(
  'of a forgotten room one sees what is open to everybody [B050] [B034 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const seen = { body: 'seen', msgtype: 'm.text' };
    const say = async () => {
      const id = await alice.send(room, 'm.room.message', seen);
      const relation = { 'm.relates_to': { rel_type: 'm.thread', event_id: id } };
      return [id, await alice.send(room, 'm.room.message', { ...seen, ...relation })] as const;
    };
    const shared = await say();
    const see = async (history_visibility: string) => {
      await alice.setState(room, 'm.room.history_visibility', { history_visibility });
      return say();
    };
    const hidden = [shared, await see('joined'), await see('invited')];
    const [open, reply] = await see('world_readable');
    await see('shared');
    const { next_batch: since } = await bob.sync({ filter: '{"room":{"rooms":[]}}' });
    await bob.ok('POST', bob.room(room, '/leave'), {});
    const relations = (id: string) => `/v1/rooms/${encodeURIComponent(room)}/relations/${id}`;
    for (const [id] of hidden) await bob.ok('GET', relations(id));
    const { next_batch: left } = await bob.sync({ filter: '{"room":{"rooms":[]}}' });
    await alice.ok('POST', alice.room(room, '/ban'), { user_id: bob.userId });
    await bob.ok('POST', bob.room(room, '/forget'), {});
    for (const [id] of hidden) {
      await bob.fails(404, 'M_NOT_FOUND', 'GET', bob.room(room, `/event/${id}`));
      await bob.fails(404, 'M_NOT_FOUND', 'GET', relations(id));
    }
    await bob.ok('GET', bob.room(room, `/event/${open}`));
    const { chunk } = await bob.ok('GET', relations(open));
    assert.deepEqual(
      chunk.map((event: Json) => event.event_id),
      [reply],
    );
    const { timeline } = (await bob.sync({ since })).rooms.leave[room];
    assert.deepEqual(
      timeline.events.map((event: Json) => event.content.membership),
      ['leave', 'ban'],
    );
    assert.equal((await bob.sync({ since: left })).rooms, undefined, 'who was told of leaving hears no more');
  },
);

onServers('who left still reads, however often they declined to come back [B050]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'private_chat', invite: [bob.userId] });
  await bob.join(room);
  await alice.say(room, 'then');
  await bob.ok('POST', bob.room(room, '/leave'), {});
  for (let i = 0; i < 11; i++) {
    await alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
    await bob.ok('POST', bob.room(room, '/leave'), {});
  }
  const { chunk } = await bob.ok('GET', bob.room(room, '/messages?dir=f&limit=100'));
  assert.ok(bodies(chunk).includes('then'));
});

onServers(
  'who left finds with each other way to read what was open to everybody later, and what concerns them [B050] [B028 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const see = (value: string) =>
      alice.setState(room, 'm.room.history_visibility', { history_visibility: value });
    const membership = (deed: string) =>
      alice.ok('POST', alice.room(room, `/${deed}`), { user_id: bob.userId });
    const member = async () =>
      (await bob.ok('GET', bob.room(room, '/messages?dir=b&limit=1'))).chunk[0].event_id as string;
    const [seen, hidden] = [[await alice.say(room, 'together')], [] as string[]];
    await bob.ok('POST', bob.room(room, '/leave'), {});
    hidden.push(await alice.say(room, 'alone'));
    seen.push(await see('world_readable'), await alice.say(room, 'open'), await see('invited'));
    hidden.push(await alice.say(room, 'closed'));
    await membership('invite');
    seen.push(await member(), await alice.say(room, 'for the invited'), await see('joined'));
    hidden.push(await alice.say(room, 'closed again'));
    await membership('ban');
    seen.push(await member());
    hidden.push(await alice.say(room, 'at last'), await alice.setState(room, 'm.room.topic', { topic: 'x' }));
    for (const id of seen) await bob.ok('GET', bob.room(room, `/event/${id}`));
    for (const id of hidden) await bob.fails(404, 'M_NOT_FOUND', 'GET', bob.room(room, `/event/${id}`));
    const ids = (events: Json[]) => events.map((event) => event.event_id as string);
    const listed = async (direction: string, limit: number) => {
      const found: string[] = [];
      for (let from = ''; ;) {
        const path = bob.room(room, `/messages?dir=${direction}&limit=${limit}${from}`);
        const { chunk, end } = await bob.ok('GET', path);
        found.push(...ids(chunk));
        if (end === undefined) return found;
        from = `&from=${end}`;
      }
    };
    for (const limit of [1, 3, 100]) {
      const forwards = await listed('f', limit);
      assert.deepEqual(
        forwards.slice(forwards.indexOf(seen[0] as string)).filter((id) => seen.includes(id)),
        seen,
      );
      assert.deepEqual(
        forwards.filter((id) => hidden.includes(id)),
        [],
      );
      assert.deepEqual(await listed('b', limit), forwards.toReversed());
    }
    const around = await bob.ok('GET', bob.room(room, `/context/${seen[2]}?limit=100`));
    const shown = ids([...around.events_before.toReversed(), around.event, ...around.events_after]);
    assert.deepEqual(shown, (await listed('f', 100)).slice(-shown.length));
    assert.ok(seen.every((id) => shown.includes(id)));
  },
);
