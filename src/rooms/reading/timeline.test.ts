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
