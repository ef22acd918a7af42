import assert from 'node:assert/strict';
import { onServers } from '../../testing/server/test-server.ts';

onServers('the same state again makes no new event [B029]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  const first = await alice.setState(room, 'm.room.topic', { topic: 'a', more: { x: 1, y: 2 } });
  assert.equal(await alice.setState(room, 'm.room.topic', { more: { y: 2, x: 1 }, topic: 'a' }), first);
  const second = await alice.setState(room, 'm.room.topic', { topic: 'b' });
  assert.notEqual(second, first);
  const event = await alice.ok('GET', alice.room(room, '/state/m.room.topic?format=event'));
  assert.equal(event.event_id, second);
  assert.equal(event.unsigned?.replaces_state, first);
  assert.equal(event.unsigned?.prev_content?.topic, 'a');
  await alice.fails(404, 'M_NOT_FOUND', 'GET', alice.room(room, '/state/m.room.avatar'));
});

onServers('events have limits [B029]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  const path = alice.room(room, '/send/m.room.message/big');
  await alice.fails(413, 'M_TOO_LARGE', 'PUT', path, { msgtype: 'm.text', body: 'x'.repeat(66_000) });
  await alice.fails(400, 'M_BAD_JSON', 'PUT', path, { msgtype: 'm.text', body: 'x', number: 1.5 });
  await alice.fails(400, 'M_BAD_JSON', 'PUT', path, []);
  await alice.fails(400, 'M_NOT_JSON', 'PUT', path, '{"body":');
  await alice.fails(400, 'M_BAD_JSON', 'PUT', path, '{"msgtype":"m.text","body":"\\ud800"}');
  const long = await alice.ask('PUT', alice.room(room, `/state/${'t'.repeat(300)}/`), {});
  assert.equal(long.status >= 400 && long.status < 500, true, String(long.status));
});
