import assert from 'node:assert/strict';
import type { Json } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

onServers('aliases and the canonical alias [B033 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  const path = (name: string) => `/v3/directory/room/${encodeURIComponent(`#${name}:localhost`)}`;
  await alice.ok('PUT', path('one'), { room_id: room });
  await bob.fails(409, 'M_UNKNOWN', 'PUT', path('one'), { room_id: room }).catch(async () => {
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', path('one'), { room_id: room });
  });
  assert.deepEqual((await bob.ok('GET', path('one'))).servers, ['localhost']);
  assert.deepEqual((await alice.ok('GET', alice.room(room, '/aliases'))).aliases, ['#one:localhost']);
  const canonical = alice.room(room, '/state/m.room.canonical_alias/');
  await alice.fails(400, 'M_BAD_ALIAS', 'PUT', canonical, { alias: '#two:localhost' });
  await alice.fails(400, 'M_INVALID_PARAM', 'PUT', canonical, { alias: 'two' });
  await alice.ok('PUT', canonical, { alias: '#one:localhost' });
  assert.equal((await bob.join('#one:localhost')).room_id, room);
  await bob.fails(403, 'M_FORBIDDEN', 'DELETE', path('one'));
  await alice.ok('DELETE', path('one'));
  assert.deepEqual(await alice.ok('GET', canonical), {});
  await bob.fails(404, 'M_NOT_FOUND', 'GET', path('one'));
});

onServers('the aliases of a room are for who may read it now [B033 partial]', async ({ person }) => {
  const [alice, bob, eve] = [await person('alice'), await person('bob'), await person('eve')];
  const room = await alice.createRoom({ preset: 'public_chat', room_alias_name: 'now' });
  await bob.join(room);
  const aliases = { aliases: ['#now:localhost'] };
  assert.deepEqual(await bob.ok('GET', bob.room(room, '/aliases')), aliases);
  await bob.ok('POST', bob.room(room, '/leave'), {});
  for (const one of [bob, eve]) await one.fails(403, 'M_FORBIDDEN', 'GET', one.room(room, '/aliases'));
  await alice.setState(room, 'm.room.history_visibility', { history_visibility: 'world_readable' });
  for (const one of [bob, eve]) assert.deepEqual(await one.ok('GET', one.room(room, '/aliases')), aliases);
});

onServers('the directory lists, searches and pages [B033]', async ({ person, anonymous }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const rooms: string[] = [];
  for (const name of ['Alpha', 'Beta', 'Gamma']) {
    const type = name === 'Beta' ? { creation_content: { type: 'm.space' } } : {};
    rooms.push(await alice.createRoom({ visibility: 'public', name, topic: `about ${name}`, ...type }));
  }
  await bob.join(rooms[1] ?? '');
  const all = await anonymous().ok('GET', '/v3/publicRooms');
  assert.equal(all.total_room_count_estimate, 3);
  assert.equal(all.chunk[0]?.name, 'Beta');
  assert.deepEqual([all.chunk[0]?.num_joined_members, all.chunk[0]?.join_rule], [2, 'public']);
  const names: string[] = [];
  let since = '';
  do {
    const page = await anonymous().ok('GET', `/v3/publicRooms?limit=1${since}`);
    names.push(...page.chunk.map((room: Json) => room.name ?? ''));
    since = page.next_batch === undefined ? '' : `&since=${encodeURIComponent(page.next_batch)}`;
  } while (since !== '');
  assert.deepEqual(names.sort(), ['Alpha', 'Beta', 'Gamma']);
  const found = await bob.ok('POST', '/v3/publicRooms', { filter: { generic_search_term: 'GAMM' } });
  assert.deepEqual(
    found.chunk.map((room: Json) => room.name),
    ['Gamma'],
  );
  const ofTypes = async (...types: (string | null)[]) =>
    (await bob.ok('POST', '/v3/publicRooms', { filter: { room_types: types } })).chunk
      .map((room: Json) => room.name)
      .sort();
  assert.deepEqual(await ofTypes('m.space'), ['Beta']);
  assert.deepEqual(await ofTypes(null), ['Alpha', 'Gamma']);
  assert.deepEqual(await ofTypes(null, 'm.space'), ['Alpha', 'Beta', 'Gamma']);
  const path = `/v3/directory/list/room/${encodeURIComponent(rooms[2] ?? '')}`;
  await bob.fails(403, 'M_FORBIDDEN', 'PUT', path, { visibility: 'private' });
  await alice.ok('PUT', path, { visibility: 'private' });
  assert.equal((await anonymous().ok('GET', path)).visibility, 'private');
  await anonymous().fails(404, 'M_NOT_FOUND', 'GET', '/v3/directory/list/room/!none:localhost');
  assert.equal((await anonymous().ok('GET', '/v3/publicRooms')).chunk.length, 2);
  await alice.ok('POST', alice.room(rooms[0] ?? '', '/leave'), {});
  const left = await anonymous().ok('GET', '/v3/publicRooms');
  assert.deepEqual(
    [left.chunk.map((room: Json) => room.name), left.total_room_count_estimate],
    [['Beta'], 1],
  );
});
