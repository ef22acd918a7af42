import assert from 'node:assert/strict';
import { onServers } from '../../../testing/server/test-server.ts';
import type { Json, TestClient } from '../../../testing/client/test-client.ts';

const PATH = '/unstable/org.matrix.msc3814.v1/dehydrated_device';

function dehydrated(client: TestClient, deviceId: string): Json {
  return {
    device_id: deviceId,
    device_data: { algorithm: 'org.example', pickle: deviceId },
    initial_device_display_name: 'Asleep',
    device_keys: {
      user_id: client.userId,
      device_id: deviceId,
      algorithms: ['m.olm.v1.curve25519-aes-sha2'],
      keys: { [`ed25519:${deviceId}`]: 'key' },
      signatures: {},
      dehydrated: true,
    },
    one_time_keys: { 'signed_curve25519:a': { key: 'a', signatures: {} } },
    fallback_keys: { 'signed_curve25519:f': { key: 'f', fallback: true, signatures: {} } },
  };
}

onServers('a dehydrated device is found, gets messages and is replaced (MSC3814) [B140]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  await alice.fails(404, 'M_NOT_FOUND', 'GET', PATH);
  assert.deepEqual(await alice.ok('PUT', PATH, dehydrated(alice, 'SLEEP1')), { device_id: 'SLEEP1' });
  const found = await alice.ok('GET', PATH);
  assert.deepEqual(found, {
    device_id: 'SLEEP1',
    device_data: { algorithm: 'org.example', pickle: 'SLEEP1' },
  });
  const keys = await bob.ok('POST', '/v3/keys/query', { device_keys: { [alice.userId]: [] } });
  assert.equal(keys.device_keys[alice.userId].SLEEP1.dehydrated, true);
  for (let n = 0; n < 120; n++) {
    await bob.ok('PUT', `/v3/sendToDevice/org.example/${n}`, {
      messages: { [alice.userId]: { SLEEP1: { n } } },
    });
  }
  const got: number[] = [];
  for (let from = ''; ;) {
    const page = await alice.ok('POST', `${PATH}/SLEEP1/events`, from === '' ? {} : { next_batch: from });
    if (page.events.length === 0) break;
    got.push(...page.events.map((event: Json) => event.content.n));
    from = page.next_batch;
  }
  assert.deepEqual(
    got,
    Array.from({ length: 120 }, (_, n) => n),
  );
  assert.equal((await alice.ok('GET', `${PATH}/SLEEP1/events`)).events.length, 100);
  await alice.ok('PUT', PATH, dehydrated(alice, 'SLEEP2'));
  await alice.fails(403, 'M_FORBIDDEN', 'GET', `${PATH}/SLEEP1/events`);
  const devices = (await alice.ok('GET', '/v3/devices')).devices.map((device: Json) => device.device_id);
  assert.deepEqual(devices.sort(), [alice.deviceId, 'SLEEP2'].sort());
  assert.deepEqual(await alice.ok('DELETE', PATH), { device_id: 'SLEEP2' });
  await alice.fails(404, 'M_NOT_FOUND', 'DELETE', PATH);
});

onServers('a dehydrated device is nobody else’s and no device that is there [B140 partial]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  await alice.ok('PUT', PATH, dehydrated(alice, 'SLEEP1'));
  await bob.fails(403, 'M_FORBIDDEN', 'GET', `${PATH}/SLEEP1/events`);
  await alice.fails(400, 'M_INVALID_PARAM', 'PUT', PATH, dehydrated(alice, alice.deviceId));
  await alice.fails(400, 'M_MISSING_PARAM', 'PUT', PATH, { device_id: 'X' });
});

onServers('a dehydrated device that replaces one of its ID has its own keys only (MSC3814)', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  const claim = async () => {
    const one_time_keys = { [alice.userId]: { SLEEP1: 'signed_curve25519' } };
    const { one_time_keys: claimed } = await bob.ok('POST', '/v3/keys/claim', { one_time_keys });
    const [[id, key] = []] = Object.entries<Json>(claimed[alice.userId]?.SLEEP1 ?? {});
    return id === undefined ? undefined : `${id.slice('signed_curve25519:'.length)} ${key.key}`;
  };
  const oneTime = (keys: Record<string, string>) =>
    Object.fromEntries(
      Object.entries(keys).map(([id, key]) => [`signed_curve25519:${id}`, { key, signatures: {} }]),
    );
  const put = (identity: string, keys: Record<string, string>, fallback?: string) => {
    const wish = dehydrated(alice, 'SLEEP1');
    wish.device_keys.keys['ed25519:SLEEP1'] = identity;
    wish.one_time_keys = oneTime(keys);
    wish.fallback_keys = fallback === undefined ? {} : oneTime({ [fallback]: fallback });
    return alice.ok('PUT', PATH, wish);
  };
  await put('first', { a: 'a', b: 'b' }, 'f');
  assert.equal(await claim(), 'a a');
  await put('first', { a: 'a', c: 'c' });
  assert.equal(await claim(), 'c c', 'what was claimed is not given again, what is gone is not given at all');
  assert.equal(await claim(), undefined, 'nor is its fallback key');
  await put('second', { a: 'another', c: 'another' }, 'g');
  assert.deepEqual([await claim(), await claim()].sort(), ['a another', 'c another']);
  assert.equal(await claim(), 'g g');
});
