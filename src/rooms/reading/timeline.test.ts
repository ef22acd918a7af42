import assert from 'node:assert/strict';
import { bodies, type Json } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

onServers('messages are paged both ways, filtered, and end [B028 partial]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  for (let i = 0; i < 25; i++) await alice.say(room, `m${i}`);
  const seen: string[] = [];
  let from = '';
  for (;;) {
    const page = await alice.ok('GET', alice.room(room, `/messages?dir=b&limit=7${from}`));
    seen.push(...bodies(page.chunk));
    if (page.end === undefined) break;
    from = `&from=${page.end}`;
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 25 }, (_, i) => `m${24 - i}`),
  );
  const forwards = await alice.ok('GET', alice.room(room, '/messages?dir=f&limit=100'));
  assert.equal(forwards.chunk[0]?.type, 'm.room.create');
  const filter = encodeURIComponent(JSON.stringify({ types: ['m.room.create'] }));
  const filtered = await alice.ok('GET', alice.room(room, `/messages?dir=b&limit=5&filter=${filter}`));
  assert.deepEqual(
    filtered.chunk.map((event: Json) => event.type),
    ['m.room.create'],
  );
  const beyond = `/messages?dir=b&limit=5&filter=${filter}&from=${filtered.end ?? ''}`;
  const last = await alice.ok('GET', alice.room(room, beyond));
  assert.deepEqual([last.chunk, last.end], [[], undefined]);
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', alice.room(room, '/messages?dir=x'));
});

onServers('history leaves out what ignored users sent, but no state', async ({ person }) => {
  const [alice, bob, carol] = [await person('alice'), await person('bob'), await person('carol')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  await carol.join(room);
  await alice.say(room, 'ignored, before');
  const event = await carol.say(room, 'needle');
  await alice.say(room, 'ignored, after');
  await alice.setState(room, 'm.room.topic', { topic: 'not ignored' });
  const around = { before_limit: 5, after_limit: 5 };
  const search = { search_categories: { room_events: { search_term: 'needle', event_context: around } } };
  const shown = async () => {
    const { chunk } = await bob.ok('GET', bob.room(room, '/messages?dir=b&limit=50'));
    const context = await bob.ok('GET', bob.room(room, `/context/${event}`));
    const found = await bob.ok('POST', '/v3/search', search);
    const [{ context: ofResult }] = found.search_categories.room_events.results;
    const old = await bob.ok('GET', `/_matrix/client/api/v1/rooms/${room}/messages?dir=b&limit=50`);
    const { messages } = await bob.ok('GET', bob.room(room, '/initialSync'));
    const contexts = [context, ofResult].map((one) => [...one.events_before, ...one.events_after]);
    return [chunk, ...contexts, old.chunk, messages.chunk] as Json[][];
  };
  for (const events of await shown()) assert.ok(bodies(events).includes('ignored, before'));
  const list = `/v3/user/${bob.userId}/account_data/m.ignored_user_list`;
  await bob.ok('PUT', list, { ignored_users: { [alice.userId]: {} } });
  for (const events of await shown()) {
    assert.deepEqual(
      bodies(events).filter((body) => body !== 'needle'),
      [],
    );
    assert.ok(events.some(({ type }) => type === 'm.room.topic'));
  }
});

onServers('context shows what came before and after [B047]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  const ids: string[] = [];
  for (let i = 0; i < 9; i++) ids.push(await alice.say(room, `m${i}`));
  const context = await alice.ok('GET', alice.room(room, `/context/${ids[4] ?? ''}?limit=4`));
  assert.equal(context.event?.content?.body, 'm4');
  assert.deepEqual(bodies(context.events_before), ['m3', 'm2']);
  assert.deepEqual(bodies(context.events_after), ['m5', 'm6']);
  assert.ok(context.state?.some((event: Json) => event.type === 'm.room.create'));
  const older = await alice.ok(
    'GET',
    alice.room(room, `/messages?dir=b&limit=1&from=${context.start ?? ''}`),
  );
  assert.deepEqual(bodies(older.chunk), ['m1']);
  const newer = await alice.ok('GET', alice.room(room, `/messages?dir=f&limit=1&from=${context.end ?? ''}`));
  assert.deepEqual(bodies(newer.chunk), ['m7']);
});

onServers('each event of a context says what the reader was in the room at it', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await alice.say(room, 'before the join');
  await bob.join(room);
  const event = await alice.say(room, 'after the join');
  await bob.ok('POST', bob.room(room, '/leave'), {});
  const context = await bob.ok('GET', bob.room(room, `/context/${event}?limit=6`));
  const memberships = [context.event, ...context.events_before, ...context.events_after].map(
    ({ unsigned }: Json) => unsigned.membership,
  );
  assert.deepEqual(memberships, ['join', 'join', 'leave', 'leave', 'leave']);
});

onServers('the filter of a context holds for its state, too [B047]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom({ name: 'Filtered' });
  await alice.say(room, 'before');
  const id = await alice.say(room, 'hello');
  const filter = encodeURIComponent(JSON.stringify({ types: ['m.room.member', 'm.room.name'] }));
  const context = await alice.ok('GET', alice.room(room, `/context/${id}?filter=${filter}`));
  assert.equal(context.event.content.body, 'hello');
  assert.deepEqual(bodies(context.events_before), []);
  assert.deepEqual(context.state.map((event: Json) => event.type).sort(), ['m.room.member', 'm.room.name']);
});
