import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation.ts';
import { RemoteServer } from '../../testing/remote-server.ts';
import { bodies, type Json } from '../../testing/test-client.ts';

const path = (userId: string) => `/v3/profile/${encodeURIComponent(userId)}`;

onFederation(
  'profiles of people on other servers are looked up there [A112 partial] [B109 partial]',
  async ({ a, b }) => {
    const alice = await a.person('alice');
    const bob = await b.person('bob');
    await bob.ok('PUT', `${path(bob.userId)}/displayname`, { displayname: 'Bob from there' });
    await bob.ok('PUT', `${path(bob.userId)}/avatar_url`, { avatar_url: 'mxc://there/picture' });
    assert.deepEqual(await alice.ok('GET', path(bob.userId)), {
      displayname: 'Bob from there',
      avatar_url: 'mxc://there/picture',
    });
    assert.deepEqual(await alice.ok('GET', `${path(bob.userId)}/displayname`), {
      displayname: 'Bob from there',
    });
    await alice.fails(404, 'M_NOT_FOUND', 'GET', `${path(bob.userId)}/m.tz`);
    await alice.fails(404, 'M_NOT_FOUND', 'GET', path(`@nobody:${b.name}`));
    assert.equal((await alice.ask('GET', path('@nobody:localhost:1'))).status, 502);
  },
);

onFederation(
  'rooms are found and joined by aliases of other servers, and people there talk [A112 partial] [B109 partial] [B033 partial]',
  async ({ a, b }) => {
    const alice = await a.person('alice');
    const bob = await b.person('bob');
    const roomId = await bob.createRoom({ preset: 'public_chat', room_alias_name: 'meet' });
    const alias = encodeURIComponent(`#meet:${b.name}`);
    const found = await alice.ok('GET', `/v3/directory/room/${alias}`);
    assert.equal(found.room_id, roomId);
    assert.deepEqual(found.servers, [b.name]);
    await alice.fails(
      404,
      'M_NOT_FOUND',
      'GET',
      `/v3/directory/room/${encodeURIComponent(`#none:${b.name}`)}`,
    );
    const [sinceA, sinceB] = [(await alice.sync()).next_batch, (await bob.sync()).next_batch];
    assert.equal((await alice.ok('POST', `/v3/join/${alias}`, {})).room_id, roomId);
    await alice.say(roomId, 'from a');
    const says = (text: string) => (body: Json) =>
      bodies(body.rooms?.join?.[roomId]?.timeline?.events).includes(text);
    const heard = await bob.syncUntil(sinceB, says('from a'));
    await bob.say(roomId, 'from b');
    await alice.syncUntil(sinceA, says('from b'));
    assert.deepEqual((await bob.ok('GET', `/v3/directory/room/${alias}`)).servers, [b.name, a.name]);

    await b.stop();
    await alice.say(roomId, 'while b was away');
    await b.start();
    await b.client(bob.token).syncUntil(heard.next_batch, says('while b was away'));
  },
);

onFederation(
  'directories of other servers are shown [B109 partial] [B033 partial]',
  async ({ a, b, authority }) => {
    const alice = await a.person('alice');
    const bob = await b.person('bob');
    const roomId = await bob.createRoom({ visibility: 'public', name: 'Gardeners', preset: 'public_chat' });
    await bob.createRoom({ visibility: 'public', name: 'Cooks', preset: 'public_chat' });
    const list = await alice.ok('GET', `/v3/publicRooms?server=${b.name}&limit=1`);
    assert.equal(list.chunk.length, 1);
    assert.equal(list.total_room_count_estimate, 2);
    const rest = await alice.ok('GET', `/v3/publicRooms?server=${b.name}&since=${list.next_batch}`);
    assert.deepEqual([...list.chunk, ...rest.chunk].map((room: Json) => room.name).sort(), [
      'Cooks',
      'Gardeners',
    ]);
    const filtered = await alice.ok('POST', `/v3/publicRooms?server=${b.name}`, {
      filter: { generic_search_term: 'garden' },
    });
    assert.deepEqual(
      filtered.chunk.map((room: Json) => room.room_id),
      [roomId],
    );
    assert.deepEqual((await alice.ok('GET', '/v3/publicRooms')).chunk, []);
    const remote = await RemoteServer.start(authority);
    try {
      const asked = await remote.ask(b.name, 'GET', '/_matrix/federation/v1/publicRooms?limit=10');
      assert.equal(asked.body.chunk.length, 2);
      const query = '/_matrix/federation/v1/query/';
      assert.equal((await remote.ask(b.name, 'GET', `${query}nothing`)).status, 404);
      const one = await remote.ask(b.name, 'GET', `${query}profile?user_id=${bob.userId}&field=displayname`);
      assert.equal(one.status, 200);
      assert.equal((await remote.ask(b.name, 'GET', `${query}profile?user_id=@x:other.test`)).status, 400);
    } finally {
      await remote.close();
    }
  },
);
