import assert from 'node:assert/strict';
import type { UserId } from '../../../protocol/identifiers.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { TestClient, type Json } from '../../../testing/client/test-client.ts';

let transactions = 0;

function send(
  from: TestClient,
  to: TestClient,
  n: number,
  device = to.deviceId,
  txn?: string,
): Promise<Json> {
  transactions += 1;
  return from.ok('PUT', `/v3/sendToDevice/org.example.note/${txn ?? `n${transactions}`}`, {
    messages: { [to.userId]: { [device]: { n } } },
  });
}

function numbers(body: Json): number[] {
  return (body.to_device?.events ?? []).map((event: Json) => event.content.n);
}

async function loggedIn(s: { anonymous(): TestClient }, name: string): Promise<TestClient> {
  const client = s.anonymous();
  const identifier = { type: 'm.id.user', user: name };
  const body = await client.ok('POST', '/v3/login', {
    type: 'm.login.password',
    identifier,
    password: `${name} password`,
  });
  client.token = body.access_token;
  client.userId = body.user_id;
  client.deviceId = body.device_id;
  return client;
}

onServers('a message reaches its device once, and waits until the device has it [B072]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const before = await bob.sync();
  const waiting = bob.syncUntil(before.next_batch, (body) => body.to_device !== undefined);
  await send(alice, bob, 1);
  const first = await waiting;
  assert.deepEqual(first.to_device.events, [
    { type: 'org.example.note', sender: alice.userId, content: { n: 1 } },
  ]);
  // The answer may have been lost: who asks with the old token gets it again.
  assert.deepEqual(numbers(await bob.sync({ since: before.next_batch })), [1]);
  const second = await bob.sync({ since: first.next_batch });
  assert.deepEqual(numbers(second), []);
  // Now the device has it, and it is gone for good.
  assert.deepEqual(numbers(await bob.sync({ since: before.next_batch })), []);
  assert.deepEqual(numbers(await bob.sync()), []);
});

onServers('a message is delivered once, however many others got some meanwhile', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const since = (await bob.sync({ since: (await bob.sync()).next_batch })).next_batch;
  await send(alice, bob, 1);
  // More users than the server remembers the newest message of.
  const others = Array.from({ length: 50_000 }, (_, i) => [`@u${i}:localhost` as UserId, {}] as const);
  const message = { sender: alice.userId as UserId, type: 'test.type', key: Buffer.from('others') };
  await s.server.services.toDevice.deliver(message, new Map(others));
  const got = await bob.sync({ since });
  assert.deepEqual(numbers(got), [1]);
  assert.deepEqual(numbers(await bob.sync({ since: got.next_batch })), []);
  assert.deepEqual(numbers(await bob.sync()), [], 'it is gone for good');
});

onServers('of a message to all devices and one to one of them, that one gets its own', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const other = await loggedIn(s, 'bob');
  await alice.ok('PUT', '/v3/sendToDevice/org.example.note/both', {
    messages: { [bob.userId]: { '*': { n: 1 }, [bob.deviceId]: { n: 2 } } },
  });
  assert.deepEqual(numbers(await other.sync()), [1]);
  assert.deepEqual(numbers(await bob.sync()), [2]);
});

onServers('a star reaches every device, a repeated transaction nobody again [B072 partial]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const other = await loggedIn(s, 'bob');
  await send(alice, bob, 7, '*', 'once');
  await send(alice, bob, 7, '*', 'once');
  await send(alice, bob, 8, 'NOSUCHDEVICE');
  for (const device of [bob, other]) assert.deepEqual(numbers(await device.sync()), [7]);
  await alice.fails(400, 'M_BAD_JSON', 'PUT', '/v3/sendToDevice/a/b', { messages: { [bob.userId]: [] } });
  await alice.fails(400, 'M_INVALID_PARAM', 'PUT', '/v3/sendToDevice/a/b', { messages: { nobody: {} } });
  await alice.fails(400, 'M_MISSING_PARAM', 'PUT', '/v3/sendToDevice/a/b', {});
});

onServers('a device made anew with an ID that was logged out begins its transactions anew', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  await send(alice, bob, 1, '*', 'same');
  await alice.ok('POST', '/v3/logout', {});
  const identifier = { type: 'm.id.user', user: 'alice' };
  const login = { type: 'm.login.password', identifier, password: 'alice password' };
  const wishes = { ...login, device_id: alice.deviceId };
  alice.token = (await s.anonymous().ok('POST', '/v3/login', wishes)).access_token;
  await send(alice, bob, 2, '*', 'same');
  assert.deepEqual(numbers(await bob.sync()), [1, 2]);
});

onServers('many messages come in order, some with each sync, none twice [B072 partial]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  for (let n = 0; n < 250; n++) await send(alice, bob, n);
  const got: number[] = [];
  let since = '';
  for (let i = 0; i < 4; i++) {
    const body = await bob.sync(since === '' ? {} : { since });
    const part = numbers(body);
    assert.ok(part.length <= 100);
    got.push(...part);
    since = body.next_batch;
  }
  assert.deepEqual(
    got,
    Array.from({ length: 250 }, (_, n) => n),
  );
  await send(alice, bob, 999);
  assert.deepEqual(numbers(await bob.sync({ since, timeout: 10_000 })), [999]);
});

onServers('messages for a device survive a restart, and go with the device [B072 partial]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  await send(alice, bob, 1);
  await s.restart();
  const again = s.anonymous();
  again.token = bob.token;
  assert.deepEqual(numbers(await again.sync()), [1]);
  await again.ok('POST', '/v3/logout', {});
  const back = await loggedIn(s, 'bob');
  assert.deepEqual(numbers(await back.sync()), []);
});

onServers('a device that asks two processes in turn gets each message once [B072 partial]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const { url } = await s.another();
  const of = (client: TestClient) =>
    Object.assign(new TestClient(url, client.token), { userId: client.userId, deviceId: client.deviceId });
  const [alices, bobs] = [
    [alice, of(alice)],
    [bob, of(bob)],
  ] as const;
  const count = 60;
  const sending = (async () => {
    for (let n = 0; n < count; n++) {
      const both = alices.map((client) => send(client, bob, n, bob.deviceId, `both${n}`));
      await Promise.all(both);
    }
  })();
  const got: number[] = [];
  let since: string | undefined;
  for (let turn = 0; got.length < count; turn++) {
    const client = bobs[turn % 2] ?? bob;
    const body = await client.syncUntil(since, (one) => one.to_device !== undefined);
    got.push(...numbers(body));
    since = body.next_batch;
  }
  await sending;
  for (const client of bobs) assert.deepEqual(numbers(await client.sync({ since: since ?? '' })), []);
  assert.deepEqual(
    got,
    Array.from({ length: count }, (_, n) => n),
  );
});
