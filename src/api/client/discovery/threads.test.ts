import assert from 'node:assert/strict';
import { mock } from 'node:test';
import type { SqlValue, Statement } from '../../../storage/database.ts';
import { WatchedDatabase } from '../../../storage/watched-database.ts';
import type { Json } from '../../../testing/client/test-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { ids, relates, edit, path, bundle } from './testing/relations.ts';

onServers('threads are summed up for each reader [B081]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const carol = await s.person('carol');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  await carol.join(room);
  const root = await alice.say(room, 'root');
  const one = await bob.say(room, 'one', relates('m.thread', root));
  const two = await bob.say(room, 'two', relates('m.thread', root));
  const twoEdited = await edit(bob, room, two, 'two, better');
  for (const [person, participated] of [
    [alice, true],
    [bob, true],
    [carol, false],
  ] as const) {
    const thread = (await bundle(person, room, root))['m.thread'];
    assert.deepEqual([thread.count, thread.current_user_participated], [2, participated]);
    assert.deepEqual([thread.latest_event.event_id, thread.latest_event.room_id], [two, room]);
    const nested = thread.latest_event.unsigned['m.relations'];
    assert.equal(nested['m.replace'].event_id, twoEdited);
  }
  const nested = await alice.ask('PUT', alice.room(room, '/send/m.room.message/n1'), {
    msgtype: 'm.text',
    body: 'nested',
    ...relates('m.thread', one),
  });
  assert.deepEqual([nested.status, nested.body.errcode], [400, 'M_UNKNOWN']);

  const three = await carol.say(room, 'three', relates('m.thread', root));
  const ignore = { ignored_users: { [carol.userId]: {} } };
  await alice.ok('PUT', `/v3/user/${alice.userId}/account_data/m.ignored_user_list`, ignore);
  const withoutCarol = (await bundle(alice, room, root))['m.thread'];
  assert.deepEqual([withoutCarol.count, withoutCarol.latest_event.event_id], [2, two]);
  const withCarol = (await bundle(bob, room, root))['m.thread'];
  assert.deepEqual([withCarol.count, withCarol.latest_event.event_id], [3, three]);
  await carol.ok('PUT', carol.room(room, `/redact/${three}/r1`), {});
  await bob.ok('PUT', bob.room(room, `/redact/${two}/r2`), {});
  const left = (await bundle(bob, room, root))['m.thread'];
  assert.deepEqual([left.count, left.latest_event.event_id], [1, one]);
  assert.equal((await bundle(carol, room, root))['m.thread'].current_user_participated, false);
});

onServers('the threads of a room are listed, those spoken in last first [B081]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const rootA = await alice.say(room, 'A');
  const rootB = await bob.say(room, 'B');
  const rootC = await alice.say(room, 'C');
  for (const root of [rootA, rootB, rootC]) await bob.say(room, 'reply', relates('m.thread', root));
  const list = (query = '') => path(room, `/threads${query}`);
  assert.deepEqual(ids((await alice.ok('GET', list())).chunk), [rootC, rootB, rootA]);
  const newest = await bob.say(room, 'again', relates('m.thread', rootA));
  const again = await alice.ok('GET', list());
  assert.deepEqual(ids(again.chunk), [rootA, rootC, rootB]);
  assert.equal(again.chunk[0].unsigned['m.relations']['m.thread'].latest_event.event_id, newest);
  assert.equal('next_batch' in again, false);

  const first = await alice.ok('GET', list('?limit=2'));
  assert.deepEqual(ids(first.chunk), [rootA, rootC]);
  const second = await alice.ok('GET', list(`?limit=2&from=${first.next_batch}`));
  assert.deepEqual([ids(second.chunk), second.next_batch], [[rootB], undefined]);
  assert.deepEqual(ids((await alice.ok('GET', list('?include=participated'))).chunk), [rootA, rootC]);
  await alice.say(room, 'me, too', relates('m.thread', rootB));
  const mine = await alice.ok('GET', list('?include=participated'));
  assert.deepEqual(ids(mine.chunk), [rootB, rootA, rootC]);

  const ignore = { ignored_users: { [bob.userId]: {} } };
  await alice.ok('PUT', `/v3/user/${alice.userId}/account_data/m.ignored_user_list`, ignore);
  const hidden = (await alice.ok('GET', list())).chunk.find((event: Json) => event.event_id === rootB);
  assert.deepEqual(hidden.content, {});
  const mallory = await s.person('mallory');
  await mallory.fails(403, 'M_FORBIDDEN', 'GET', list());
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', list('?include=some'));
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', list('?from=x'));
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', list('?limit=0'));
});

onServers('threads are listed by the newest event that their reader does not ignore [B081]', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const roots: string[] = [];
  for (const name of ['first', 'second', 'third', 'fourth']) roots.push(await alice.say(room, name));
  const [first = '', second = '', third = '', fourth = ''] = roots;
  const inFirst = await alice.say(room, 'one', relates('m.thread', first));
  const inSecond = await alice.say(room, 'two', relates('m.thread', second));
  const inThird = await alice.say(room, 'three', relates('m.thread', third));
  for (const root of [fourth, second, first]) await bob.say(room, 'noise', relates('m.thread', root));
  assert.deepEqual(ids((await alice.ok('GET', path(room, '/threads'))).chunk), [
    first,
    second,
    fourth,
    third,
  ]);
  const ignore = { ignored_users: { [bob.userId]: {} } };
  await alice.ok('PUT', `/v3/user/${alice.userId}/account_data/m.ignored_user_list`, ignore);
  const expected = [third, second, first, fourth];
  const { chunk } = await alice.ok('GET', path(room, '/threads'));
  assert.deepEqual(ids(chunk), expected);
  assert.deepEqual(
    (chunk as Json[]).map((root) => root.unsigned?.['m.relations']?.['m.thread']?.latest_event.event_id),
    [inThird, inSecond, inFirst, undefined],
  );
  const paged: string[] = [];
  let from = '';
  do {
    const page: Json = await alice.ok('GET', path(room, `/threads?limit=1&from=${from}`));
    paged.push(...ids(page.chunk));
    from = page.next_batch ?? '';
  } while (from !== '');
  assert.deepEqual(paged, expected);
  assert.deepEqual(ids((await bob.ok('GET', path(room, '/threads'))).chunk), [first, second, fourth, third]);
});

onServers(
  'many threads in which an ignored user spoke last are put in order by few statements',
  async (s) => {
    const [alice, bob] = [await s.person('alice'), await s.person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const expected: string[] = [];
    for (let i = 0; i < 25; i++) {
      const root = await alice.say(room, `thread ${i}`);
      expected.unshift(root);
      if (i % 2 === 0) await alice.say(room, 'word', relates('m.thread', root));
      await bob.say(room, 'noise', relates('m.thread', root));
    }
    const [talkative = ''] = expected;
    for (let i = 0; i < 30; i++) await bob.say(room, 'more noise', relates('m.thread', talkative));
    const ignore = { ignored_users: { [bob.userId]: {} } };
    await alice.ok('PUT', `/v3/user/${alice.userId}/account_data/m.ignored_user_list`, ignore);
    const { all } = WatchedDatabase.prototype;
    let statements = 0;
    const counted = mock.method(WatchedDatabase.prototype, 'all', function <
      Row,
    >(this: WatchedDatabase, statement: Statement, ...parameters: SqlValue[]) {
      if (statement.text.includes("rel_type = 'm.thread'")) statements += 1;
      return all.call(this, statement, ...parameters) as Promise<Row[]>;
    });
    const page = await alice.ok('GET', path(room, '/threads?limit=1'));
    counted.mock.restore();
    assert.deepEqual(ids(page.chunk), [talkative]);
    assert.ok(statements < 5, `${statements} statements`);
    assert.deepEqual(ids((await alice.ok('GET', path(room, '/threads?limit=30'))).chunk), expected);
  },
);
