import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation/federation.ts';
import type { Json } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';
import { joined, ephemeral } from '../../testing/client/sync-body.ts';

onFederation(
  'several receipts at one event, for all threads and for some, are all shown, here and there [B063 partial]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room, a.name);
    const root = await alice.say(room, 'root');
    const aside = await alice.say(room, 'about the root', {
      'm.relates_to': { rel_type: 'm.reference', event_id: root },
    });
    const path = alice.room(room, `/receipt/m.read/${encodeURIComponent(aside)}`);
    const events = (body: Json): Json[] =>
      (joined(body, room)?.ephemeral?.events ?? []).filter((event: Json) => event.type === 'm.receipt');
    const shown = (body: Json): Json[] =>
      events(body).flatMap(({ content }) => content[aside]?.['m.read']?.[alice.userId] ?? []);
    for (const thread of [root, 'main']) await alice.ok('POST', path, { thread_id: thread });
    await alice.ok('POST', path, {});
    await bob.ok('POST', bob.room(room, `/receipt/m.read/${encodeURIComponent(root)}`), {});
    const threads = (body: Json) => shown(body).map((receipt: Json) => receipt.thread_id);
    const own = await alice.sync();
    assert.deepEqual(threads(own), [undefined, 'main', root]);
    assert.equal(events(await alice.sync({ since: own.next_batch })).length, 0);
    const there = new Set<string>();
    await bob.syncUntil(undefined, (body) => {
      for (const { thread_id: thread } of shown(body)) there.add(String(thread));
      return there.size === 3;
    });
    const all = await bob.sync();
    assert.deepEqual(threads(all), [undefined, 'main', root]);
    // Only what has no place in the first event is in another.
    const [first, ...others] = events(all);
    assert.equal(others.length, 2);
    assert.deepEqual(Object.keys(first?.content).sort(), [root, aside].sort());
    for (const { content } of others) assert.deepEqual(Object.keys(content), [aside]);
  },
);

onServers('a receipt in a thread is for events of that thread [B063 partial]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  const root = await alice.say(room, 'root');
  const other = await alice.say(room, 'another');
  const about = (relType: string, eventId: string) => ({
    'm.relates_to': { rel_type: relType, event_id: eventId },
  });
  const reply = await alice.say(room, 'reply', about('m.thread', root));
  const reference = await alice.say(room, 'about a reply', about('m.reference', reply));
  const aside = await alice.say(room, 'about the root', about('m.reference', root));
  const further = await alice.say(room, 'about that', about('m.annotation', aside));
  const gone = await alice.say(room, 'gone', about('m.thread', root));
  await alice.ok('PUT', alice.room(room, `/redact/${encodeURIComponent(gone)}/1`), {});
  const read = (eventId: string) => alice.room(room, `/receipt/m.read/${encodeURIComponent(eventId)}`);
  for (const [eventId, thread] of [
    [root, 'main'],
    [root, root],
    [other, 'main'],
    [reply, root],
    [reference, root],
    [gone, root],
    // These are in the main timeline, but related to the thread.
    [aside, 'main'],
    [aside, root],
    [further, root],
  ] as const) {
    await alice.ok('POST', read(eventId), { thread_id: thread });
  }
  for (const [eventId, thread] of [
    [other, root],
    [reply, 'main'],
    [reply, other],
    [reference, 'main'],
  ] as const) {
    await alice.fails(400, 'M_INVALID_PARAM', 'POST', read(eventId), { thread_id: thread });
  }
  // What is redacted may have been in any thread, but not in what names none.
  const overlong = `$${'x'.repeat(9_000)}`;
  await alice.fails(400, 'M_INVALID_PARAM', 'POST', read(gone), { thread_id: overlong });
});

onServers(
  'receipts reach others, private ones do not, and none goes back [B063] [B062]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const [first, second] = [await alice.say(room, 'one'), await alice.say(room, 'two')];
    const { next_batch: since } = await alice.sync();
    const receipt = (type: string, event: string, body: object = {}) =>
      bob.ok('POST', bob.room(room, `/receipt/${type}/${event}`), body);
    await receipt('m.read', second);
    await receipt('m.read', first);
    await receipt('m.read.private', second);
    const seen = ephemeral(await alice.sync({ since }), room, 'm.receipt');
    assert.deepEqual(Object.keys(seen.content), [second]);
    assert.deepEqual(Object.keys(seen.content[second] as object), ['m.read']);
    assert.ok(seen.content[second]?.['m.read']?.[bob.userId]?.ts);
    const own = ephemeral(await bob.sync(), room, 'm.receipt');
    assert.deepEqual(Object.keys(own.content[second] as object).sort(), ['m.read', 'm.read.private']);
    await bob.ok('POST', bob.room(room, '/read_markers'), { 'm.fully_read': second, 'm.read': second });
    await bob.ok('POST', bob.room(room, '/read_markers'), { 'm.fully_read': first });
    const data = joined(await bob.sync(), room).account_data?.events;
    assert.deepEqual(data, [{ type: 'm.fully_read', content: { event_id: second } }]);
    const bad = (type: string, event: string, body: object = {}) =>
      ['POST', bob.room(room, `/receipt/${type}/${event}`), body] as const;
    await bob.fails(400, 'M_INVALID_PARAM', ...bad('m.seen', first));
    await bob.fails(404, 'M_NOT_FOUND', ...bad('m.read', '$none'));
    for (const thread of ['x', '']) {
      await bob.fails(400, 'M_INVALID_PARAM', ...bad('m.read', first, { thread_id: thread }));
    }
    await bob.fails(400, 'M_BAD_JSON', ...bad('m.read', first, { thread_id: 5 }));
  },
);

onServers('a receipt in one thread leaves the others as they are [B063]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const root = await alice.say(room, 'root');
  const inThread = { 'm.relates_to': { rel_type: 'm.thread', event_id: root } };
  const ids: string[] = [];
  for (let i = 0; i < 4; i++) ids.push(await alice.say(room, `main ${i}`));
  for (let i = 0; i < 3; i++) await alice.say(room, `thread ${i}`, inThread);
  const filter = JSON.stringify({ room: { timeline: { unread_thread_notifications: true, limit: 1 } } });
  const counts = async () => {
    const { unread_notifications: main, unread_thread_notifications: threads } = joined(
      await bob.sync({ filter }),
      room,
    );
    return [main.notification_count, threads?.[root]?.notification_count];
  };
  assert.deepEqual(await counts(), [5, 3]);
  await bob.ok('POST', bob.room(room, `/receipt/m.read/${ids[1] ?? ''}`), { thread_id: 'main' });
  assert.deepEqual(await counts(), [2, 3]);
  await bob.ok('POST', bob.room(room, `/receipt/m.read/${ids[3] ?? ''}`), { thread_id: 'main' });
  assert.deepEqual(await counts(), [0, 3]);
  await bob.ok('PUT', `/v3/user/${bob.userId}/account_data/m.ignored_user_list`, {
    ignored_users: { [alice.userId]: {} },
  });
  await alice.say(room, 'nobody hears this');
  assert.deepEqual(await counts(), [0, undefined]);
});

onServers('read markers that are set at the same time do not go back [B063 partial]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  const marker = `/v3/user/${alice.userId}/rooms/${encodeURIComponent(room)}/account_data/m.fully_read`;
  const set = (eventId: string) =>
    alice.ok('POST', alice.room(room, '/read_markers'), { 'm.fully_read': eventId });
  for (let i = 0; i < 10; i++) {
    const [older, newer] = [await alice.say(room, 'older'), await alice.say(room, 'newer')];
    await Promise.all([set(newer), set(older)]);
    assert.equal((await alice.ok('GET', marker)).event_id, newer);
  }
});
