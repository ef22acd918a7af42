import assert from 'node:assert/strict';
import { onServers } from '../../../testing/server/test-server.ts';
import { TestClient, type Json } from '../../../testing/client/test-client.ts';

function deviceKeys(client: TestClient, name = 'key'): object {
  return {
    user_id: client.userId,
    device_id: client.deviceId,
    algorithms: ['m.olm.v1.curve25519-aes-sha2', 'm.megolm.v1.aes-sha2'],
    keys: {
      [`ed25519:${client.deviceId}`]: `${name}-ed`,
      [`curve25519:${client.deviceId}`]: `${name}-curve`,
    },
    signatures: { [client.userId]: { [`ed25519:${client.deviceId}`]: 'signature' } },
  };
}

const SIGNATURES = { '@somebody:localhost': { 'ed25519:DEVICE': 'signature' } };

function oneTimeKeys(count: number, from = 0): Record<string, Json> {
  return Object.fromEntries(
    Array.from({ length: count }, (_, i) => [
      `signed_curve25519:k${from + i}`,
      { key: `key ${from + i}`, signatures: SIGNATURES },
    ]),
  );
}

function claim(client: TestClient, whose: TestClient): Promise<Json> {
  return client.ok('POST', '/v3/keys/claim', {
    one_time_keys: { [whose.userId]: { [whose.deviceId]: 'signed_curve25519' } },
  });
}

onServers('identity keys are uploaded, and found with the name of the device [B045 partial]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  await alice.ok('PUT', `/v3/devices/${alice.deviceId}`, { display_name: 'Phone' });
  const keys = deviceKeys(alice);
  const uploaded = await alice.ok('POST', '/v3/keys/upload', { device_keys: keys });
  assert.deepEqual(uploaded.one_time_key_counts, { signed_curve25519: 0 });
  const answer = await bob.ok('POST', '/v3/keys/query', { device_keys: { [alice.userId]: [] } });
  const found = answer.device_keys[alice.userId][alice.deviceId];
  assert.deepEqual(found, { ...keys, unsigned: { device_display_name: 'Phone' } });
  const other = await bob.ok('POST', '/v3/keys/query', { device_keys: { [alice.userId]: ['OTHER'] } });
  assert.deepEqual(other.device_keys[alice.userId], {});
  const far = await bob.ok('POST', '/v3/keys/query', { device_keys: { '@eve:elsewhere.test': [] } });
  assert.deepEqual(Object.keys(far.failures), ['elsewhere.test']);
});

onServers('keys of somebody else are refused, and malformed ones', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  await bob.fails(400, 'M_INVALID_PARAM', 'POST', '/v3/keys/upload', { device_keys: deviceKeys(alice) });
  await bob.fails(400, 'M_BAD_JSON', 'POST', '/v3/keys/upload', { one_time_keys: { nonsense: 'key' } });
  await bob.fails(400, 'M_BAD_JSON', 'POST', '/v3/keys/upload', { one_time_keys: { 'a:b': 5 } });
  await bob.fails(400, 'M_BAD_JSON', 'POST', '/v3/keys/query', { device_keys: { [alice.userId]: 'all' } });
});

onServers(
  'each one-time key is claimed once, ever, by whoever asks at the same time, of any process [B045 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const elsewhere = new TestClient((await s.another()).url, bob.token);
    const keys = oneTimeKeys(40);
    await alice.ok('POST', '/v3/keys/upload', { one_time_keys: keys });
    const claims = await Promise.all(
      Array.from({ length: 50 }, (_, n) => claim(n % 2 === 0 ? bob : elsewhere, alice)),
    );
    const given = claims.flatMap((body) =>
      Object.keys(body.one_time_keys[alice.userId]?.[alice.deviceId] ?? {}),
    );
    assert.equal(given.length, 40);
    assert.equal(new Set(given).size, 40);
    // An upload that the client repeats, not knowing that it arrived, brings no claimed key back.
    const again = await alice.ok('POST', '/v3/keys/upload', { one_time_keys: keys });
    assert.deepEqual(again.one_time_key_counts, { signed_curve25519: 0 });
    for (const client of [bob, elsewhere]) assert.deepEqual((await claim(client, alice)).one_time_keys, {});
  },
);

onServers('the same key again is fine, another of the same ID is not [B045 partial]', async (s) => {
  const alice = await s.person('alice');
  await alice.ok('POST', '/v3/keys/upload', { one_time_keys: oneTimeKeys(2) });
  const again = await alice.ok('POST', '/v3/keys/upload', { one_time_keys: oneTimeKeys(3) });
  assert.equal(again.one_time_key_counts.signed_curve25519, 3);
  await alice.fails(400, 'M_INVALID_PARAM', 'POST', '/v3/keys/upload', {
    one_time_keys: { 'signed_curve25519:k0': { key: 'another', signatures: SIGNATURES } },
  });
});

onServers(
  'of different keys of one ID that two processes get at once, one is taken and the others refused [B045 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const elsewhere = new TestClient((await s.another()).url, alice.token);
    for (let round = 0; round < 10; round++) {
      const id = `signed_curve25519:round${round}`;
      const upload = async (n: number) => {
        const key = { key: `key ${n}`, signatures: SIGNATURES };
        const client = n % 2 === 0 ? alice : elsewhere;
        const body = { one_time_keys: { [id]: key } };
        return { key, answer: await client.ask('POST', '/v3/keys/upload', body) };
      };
      const uploads = await Promise.all([0, 1, 2, 3].map(upload));
      const taken = uploads.filter(({ answer }) => answer.status === 200);
      const refused = uploads.filter(({ answer }) => answer.body.errcode === 'M_INVALID_PARAM');
      assert.deepEqual([taken.length, refused.length], [1, 3]);
      const claimed = (await claim(bob, alice)).one_time_keys[alice.userId][alice.deviceId];
      assert.deepEqual(claimed, { [id]: taken[0]?.key });
    }
  },
);

onServers(
  'the fallback key is given out when no other is left, and the device is told [B045 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    await alice.ok('POST', '/v3/keys/upload', {
      one_time_keys: oneTimeKeys(1),
      fallback_keys: {
        'signed_curve25519:fallback': { key: 'fallback', fallback: true, signatures: SIGNATURES },
      },
    });
    const first = await alice.sync();
    assert.deepEqual(first.device_one_time_keys_count, { signed_curve25519: 1 });
    assert.deepEqual(first.device_unused_fallback_key_types, ['signed_curve25519']);
    await claim(bob, alice);
    const second = await alice.sync({ since: first.next_batch, timeout: 10_000 });
    assert.deepEqual(second.device_one_time_keys_count, { signed_curve25519: 0 });
    for (let i = 0; i < 2; i++) {
      const given = (await claim(bob, alice)).one_time_keys[alice.userId][alice.deviceId];
      assert.deepEqual(given, {
        'signed_curve25519:fallback': { key: 'fallback', fallback: true, signatures: SIGNATURES },
      });
    }
    const third = await alice.sync({ since: second.next_batch, timeout: 10_000 });
    assert.deepEqual(third.device_unused_fallback_key_types, []);
    await alice.ok('POST', '/v3/keys/upload', {
      fallback_keys: {
        'signed_curve25519:fallback2': { key: 'new', fallback: true, signatures: SIGNATURES },
      },
    });
    const fourth = await alice.sync({ since: third.next_batch });
    assert.deepEqual(fourth.device_unused_fallback_key_types, ['signed_curve25519']);
  },
);

onServers('room-mates are told of new keys, of who comes and of who goes [B045 partial]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const eve = await s.person('eve');
  const room = await alice.createRoom({ preset: 'public_chat' });
  const before = await alice.sync();
  await bob.join(room);
  const joined = await alice.syncUntil(before.next_batch, (body) => body.device_lists !== undefined);
  assert.deepEqual(joined.device_lists, { changed: [bob.userId], left: [] });
  await eve.ok('POST', '/v3/keys/upload', { device_keys: deviceKeys(eve) });
  await bob.ok('POST', '/v3/keys/upload', { device_keys: deviceKeys(bob) });
  const changed = await alice.syncUntil(joined.next_batch, (body) => body.device_lists !== undefined);
  assert.deepEqual(changed.device_lists, { changed: [bob.userId], left: [] });
  // The same keys again are no change.
  await bob.ok('POST', '/v3/keys/upload', { device_keys: deviceKeys(bob) });
  assert.equal((await alice.sync({ since: changed.next_batch })).device_lists, undefined);
  await bob.ok('POST', bob.room(room, '/leave'), {});
  const left = await alice.syncUntil(changed.next_batch, (body) => body.device_lists !== undefined);
  assert.deepEqual(left.device_lists, { changed: [], left: [bob.userId] });
  const path = `/v3/keys/changes?from=${before.next_batch}&to=${changed.next_batch}`;
  assert.deepEqual((await alice.ok('GET', path)).changed.includes(bob.userId), false);
});

onServers(
  'who joins a room is told of everybody there, who leaves it of those not met elsewhere [B045 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const eve = await s.person('eve');
    const both = await alice.createRoom({ preset: 'public_chat' });
    const other = await alice.createRoom({ preset: 'public_chat' });
    await eve.join(both);
    const before = await bob.sync();
    await bob.join(both);
    await bob.join(other);
    const joined = await bob.syncUntil(before.next_batch, (body) => body.device_lists !== undefined);
    assert.ok(joined.device_lists.changed.includes(alice.userId));
    assert.ok(joined.device_lists.changed.includes(eve.userId));
    const now = await bob.sync({ since: joined.next_batch });
    await bob.ok('POST', bob.room(both, '/leave'), {});
    const left = await bob.syncUntil(now.next_batch, (body) => body.device_lists !== undefined);
    assert.deepEqual(left.device_lists, { changed: [], left: [eve.userId] });
  },
);

onServers('who leaves a room is told of those, too, who left it meanwhile, and of no others', async (s) => {
  const [alice, bob, carol, dan] = [
    await s.person('alice'),
    await s.person('bob'),
    await s.person('carol'),
    await s.person('dan'),
  ];
  const room = await alice.createRoom({ preset: 'public_chat' });
  for (const person of [bob, carol]) await person.join(room);
  const { next_batch: since } = await alice.sync();
  await bob.ok('POST', bob.room(room, '/leave'), {});
  await alice.ok('POST', alice.room(room, '/leave'), {});
  await dan.join(room);
  await carol.ok('POST', carol.room(room, '/leave'), {});
  const answer = await alice.sync({ since });
  const changes = await alice.ok('GET', `/v3/keys/changes?from=${since}&to=${answer.next_batch}`);
  for (const { changed, left } of [answer.device_lists, changes]) {
    assert.deepEqual([changed, left.sort()], [[], [bob.userId, carol.userId]]);
  }
});

onServers('who was only invited to a room is not told who is in it', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  const room = await bob.createRoom({ preset: 'private_chat', invite: [alice.userId] });
  const { next_batch: since } = await alice.sync();
  await alice.ok('POST', alice.room(room, '/leave'), {});
  const answer = await alice.sync({ since });
  assert.ok(answer.rooms.leave[room]);
  assert.equal(answer.device_lists, undefined);
});

onServers('who takes another name is told of no key anew', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const { next_batch: from } = await alice.sync();
  await alice.ok('PUT', `/v3/profile/${encodeURIComponent(alice.userId)}/displayname`, { displayname: 'A' });
  const { next_batch: to } = await alice.sync({ since: from });
  const changes = await alice.ok('GET', `/v3/keys/changes?from=${from}&to=${to}`);
  assert.deepEqual(changes, { changed: [], left: [] });
});

onServers(
  'logging out takes a device with its keys away, and its room-mates are told [B045 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    await bob.ok('POST', '/v3/keys/upload', { device_keys: deviceKeys(bob), one_time_keys: oneTimeKeys(1) });
    const before = await alice.sync();
    await bob.ok('POST', '/v3/logout', {});
    const after = await alice.syncUntil(before.next_batch, (body) => body.device_lists !== undefined);
    assert.deepEqual(after.device_lists.changed, [bob.userId]);
    const found = await alice.ok('POST', '/v3/keys/query', { device_keys: { [bob.userId]: [] } });
    assert.deepEqual(found.device_keys[bob.userId], {});
    assert.deepEqual((await claim(alice, bob)).one_time_keys, {});
  },
);

onServers('device lists and keys are there after a restart [B045 partial]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const before = await alice.sync();
  await bob.ok('POST', '/v3/keys/upload', { device_keys: deviceKeys(bob), one_time_keys: oneTimeKeys(3) });
  const [aliceToken, bobToken] = [alice.token, bob.token];
  await s.restart();
  const [again, bobAgain] = [s.anonymous(), s.anonymous()];
  again.token = aliceToken;
  bobAgain.token = bobToken;
  const after = await again.sync({ since: before.next_batch });
  assert.deepEqual(after.device_lists, { changed: [bob.userId], left: [] });
  assert.equal((await bobAgain.sync()).device_one_time_keys_count.signed_curve25519, 3);
});
