import assert from 'node:assert/strict';
import type { Json } from '../../testing/client/test-client.ts';
import { withBob, edu } from '../../testing/federation/remote-room-mate.ts';

withBob('messages to devices cross servers, each exactly once [B110]', async (parts) => {
  const { a, remote, alice, bob } = parts;
  await alice.ok('PUT', '/v3/sendToDevice/test.type/t1', { messages: { [bob]: { PHONE: { n: 1 } } } });
  await alice.ok('PUT', '/v3/sendToDevice/test.type/t1', { messages: { [bob]: { PHONE: { n: 1 } } } });
  const sent = await edu(remote, 'm.direct_to_device');
  assert.equal(sent.sender, alice.userId);
  assert.equal(sent.type, 'test.type');
  assert.deepEqual(sent.messages, { [bob]: { PHONE: { n: 1 } } });
  assert.match(sent.message_id, /^.{32}$/, 'the most that the specification allows');

  const message = (id: string, n: number, sender = bob) => ({
    edu_type: 'm.direct_to_device',
    content: { sender, type: 'test.type', message_id: id, messages: { [alice.userId]: { '*': { n } } } },
  });
  await remote.sendEdus(a.name, message('1', 1), message('1', 1), message('2', 2));
  await remote.sendEdus(a.name, message('1', 1), message('3', 3, `@mallory:${a.name}`), message('4', 4));
  const { to_device: toDevice } = await alice.sync();
  assert.deepEqual(
    toDevice.events.map((event: Json) => [event.sender, event.content.n]),
    [
      [bob, 1],
      [bob, 2],
      [bob, 4],
    ],
  );
  assert.equal(remote.edus.filter((one) => one.edu_type === 'm.direct_to_device').length, 1);
});
