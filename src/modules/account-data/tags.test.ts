import assert from 'node:assert/strict';
import { onServers } from '../../testing/server/test-server.ts';
import { joined } from '../../testing/client/sync-body.ts';

onServers('rooms are tagged [B078]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  const path = `/v3/user/${alice.userId}/rooms/${room}/tags`;
  await alice.ok('PUT', `${path}/u.work`, { order: 0.5 });
  await alice.ok('PUT', `${path}/m.favourite`, {});
  assert.deepEqual(await alice.ok('GET', path), { tags: { 'u.work': { order: 0.5 }, 'm.favourite': {} } });
  await alice.ok('DELETE', `${path}/u.work`);
  const data = joined(await alice.sync(), room).account_data?.events;
  assert.deepEqual(data, [{ type: 'm.tag', content: { tags: { 'm.favourite': {} } } }]);
  await alice.fails(400, 'M_BAD_JSON', 'PUT', `${path}/u.x`, { order: 2 });
});

onServers('the name of a tag has at most 255 bytes', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  const path = `/v3/user/${alice.userId}/rooms/${room}/tags`;
  const longest = `u.${'x'.repeat(253)}`;
  await alice.ok('PUT', `${path}/${longest}`, {});
  await alice.fails(400, 'M_INVALID_PARAM', 'PUT', `${path}/${longest}x`, {});
  await alice.fails(400, 'M_INVALID_PARAM', 'PUT', `${path}/u.${encodeURIComponent('é'.repeat(127))}`, {});
  assert.deepEqual(await alice.ok('GET', path), { tags: { [longest]: {} } });
});
