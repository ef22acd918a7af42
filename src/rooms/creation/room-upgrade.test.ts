import assert from 'node:assert/strict';
import type { Json } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

onServers('an upgrade moves people on to a new room [B069]', async ({ person }) => {
  const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map(person));
  assert.ok(alice && bob && carol);
  const old = await alice.createRoom({
    visibility: 'public',
    room_alias_name: 'moving',
    name: 'M',
    room_version: '9',
  });
  await bob.join(old);
  await alice.ok('POST', alice.room(old, '/ban'), { user_id: carol.userId });
  await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(old, '/upgrade'), { new_version: '12' });
  await alice.fails(400, 'M_UNSUPPORTED_ROOM_VERSION', 'POST', alice.room(old, '/upgrade'), {
    new_version: 'x',
  });
  const { replacement_room: room } = await alice.ok('POST', alice.room(old, '/upgrade'), {
    new_version: '12',
  });
  assert.equal((await bob.ok('GET', bob.room(old, '/state/m.room.tombstone'))).replacement_room, room);
  assert.equal((await bob.ok('GET', '/v3/directory/room/%23moving%3Alocalhost')).room_id, room);
  await bob.fails(403, 'M_FORBIDDEN', 'PUT', bob.room(old, '/send/m.room.message/1'), {
    msgtype: 'm.text',
    body: 'too late',
  });
  await bob.join(room);
  assert.equal((await bob.ok('GET', bob.room(room, '/state/m.room.name'))).name, 'M');
  assert.equal((await bob.ok('GET', bob.room(room, '/state/m.room.create'))).predecessor?.room_id, old);
  assert.equal(
    (await bob.ok('GET', bob.room(room, '/state/m.room.canonical_alias'))).alias,
    '#moving:localhost',
  );
  await carol.fails(403, 'M_FORBIDDEN', 'POST', carol.room(room, '/join'), {});
  assert.deepEqual(
    (await bob.ok('GET', '/v3/publicRooms')).chunk.map((one: Json) => one.room_id),
    [room],
  );
});
