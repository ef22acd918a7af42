import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Json } from '../../../testing/client/test-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { v1People } from '../../../testing/client/v1-client.ts';
import { contentsOf } from './testing/rooms-of.ts';

describe('2015: rooms', () => {
  onServers('the room is told its aliases, which are only so many of them [A045]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const room = await alice.createRoom({ room_alias_name: 'one', preset: 'public_chat' });
    const aliases = async () => (await contentsOf(alice, room))['m.room.aliases localhost']?.aliases;
    assert.deepEqual(await aliases(), ['#one:localhost']);
    const path = (alias: string) => `/directory/room/${encodeURIComponent(alias)}`;
    await alice.ok('PUT', path('#two:localhost'), { room_id: room });
    assert.deepEqual(await aliases(), ['#one:localhost', '#two:localhost']);
    await bob.join(room);
    await bob.ok('PUT', path('#three:localhost'), { room_id: room });
    assert.equal((await bob.ok('GET', path('#three:localhost'))).room_id, room);
    assert.deepEqual(await aliases(), ['#one:localhost', '#two:localhost'], 'Bob may not write it');
    await alice.ok('DELETE', path('#two:localhost'));
    assert.deepEqual(await aliases(), ['#one:localhost', '#three:localhost']);
    await alice.setState(room, 'm.room.canonical_alias', { alias: '#three:localhost' });
    assert.equal((await contentsOf(bob, room))['m.room.canonical_alias'].alias, '#three:localhost');
  });

  onServers(
    'aliases are taken once, and deleted by who made them [A002 partial] [A044 partial]',
    async (server) => {
      const [alice, bob] = await v1People(server, 'alice', 'bob');
      const path = `/directory/room/${encodeURIComponent('#garden:localhost')}`;
      const room = await alice.createRoom({ preset: 'public_chat' });
      await alice.fails(404, 'M_NOT_FOUND', 'GET', path);
      await alice.ok('PUT', path, { room_id: room });
      assert.deepEqual(await bob.ok('GET', path), { room_id: room, servers: ['localhost'] });
      await alice.fails(409, 'M_ROOM_IN_USE', 'PUT', path, { room_id: room });
      await alice.fails(400, 'M_BAD_JSON', 'PUT', path, {});
      const foreign = `/directory/room/${encodeURIComponent('#garden:elsewhere.example')}`;
      await alice.fails(400, 'M_INVALID_PARAM', 'PUT', foreign, { room_id: room });
      await bob.join(room);
      await bob.fails(403, 'M_FORBIDDEN', 'DELETE', path);
      await alice.ok('DELETE', path);
      await alice.fails(404, 'M_NOT_FOUND', 'GET', path);
    },
  );

  onServers('whoever asks is told which rooms are public [A046]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const rooms: string[] = [];
    for (const name of ['one', 'two', 'three']) {
      rooms.push(
        await alice.createRoom({ visibility: 'public', room_alias_name: name, name, topic: `of ${name}` }),
      );
    }
    await alice.createRoom({ preset: 'public_chat', name: 'joined by all, shown to none' });
    await alice.setState(rooms[0] ?? '', 'm.room.join_rules', { join_rule: 'public' });
    await bob.join(rooms[0] ?? '');
    const stranger = server.anonymous();
    const list = (query = ''): Promise<Json> =>
      stranger.ok('GET', `/_matrix/client/api/v1/publicRooms${query}`);
    const all = await list();
    assert.deepEqual(all.chunk.map((room: Json) => room.room_id).sort(), [...rooms].sort());
    assert.deepEqual(all.chunk[0], {
      room_id: rooms[0],
      name: 'one',
      topic: 'of one',
      num_joined_members: 2,
      aliases: ['#one:localhost'],
    });
    const pages: Json[] = [];
    for (let from = 'START'; from !== 'END' && pages.length < 5;) {
      const page = await list(`?limit=1&from=${encodeURIComponent(from)}`);
      assert.equal(page.start, from);
      pages.push(...page.chunk);
      from = page.end;
    }
    assert.deepEqual(pages, all.chunk);
    assert.deepEqual((await list('?from=END')).chunk, []);
    const bad = await stranger.ask('GET', '/_matrix/client/api/v1/publicRooms?from=nonsense');
    assert.deepEqual([bad.status, bad.body.errcode], [400, 'M_BAD_PAGINATION']);
  });
});
