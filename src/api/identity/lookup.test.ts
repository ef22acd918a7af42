import assert from 'node:assert/strict';
import { lookupHash } from '../../protocol/identity/lookup-hash.ts';
import { atIdentityServer } from '../../testing/identity/identity-client.ts';
import { ENV, prove, secretIn, V2 } from '../../testing/identity/identity-scene.ts';
import { TestClient } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

const time = { ms: Date.now() };

onServers(
  'people are found by the hash of their address, with a pepper that is replaced [B128]',
  async (s) => {
    const alice = await atIdentityServer(await s.person('alice'));
    const to = `found-${s.place.engine}@example.org`;
    await alice.ok('POST', `${V2}/3pid/bind`, { ...(await prove(alice, to)), mxid: alice.userId });
    const details = await alice.ok('GET', `${V2}/hash_details`);
    assert.deepEqual(details.algorithms, ['sha256', 'none']);
    const pepper = details.lookup_pepper;
    const hashed = lookupHash({ medium: 'email', address: to }, pepper);
    const many = Array.from({ length: 200 }, (_, i) => `${i}`.padStart(43, 'x'));
    const wish = { algorithm: 'sha256', pepper, addresses: [...many, hashed, ''] };
    const found = await alice.ok('POST', `${V2}/lookup`, wish);
    assert.deepEqual(found, { mappings: { [hashed]: alice.userId } });
    const plain = {
      algorithm: 'none',
      pepper,
      addresses: [`${to} email`, 'no@example.org email', 'bad', to],
    };
    assert.deepEqual(await alice.ok('POST', `${V2}/lookup`, plain), {
      mappings: { [`${to} email`]: alice.userId },
    });
    await alice.fails(400, 'M_INVALID_PARAM', 'POST', `${V2}/lookup`, { ...wish, algorithm: 'md5' });
    await alice.fails(400, 'M_INVALID_PEPPER', 'POST', `${V2}/lookup`, { ...wish, pepper: 'salt' });
    await s.anonymous().fails(401, 'M_UNAUTHORIZED', 'POST', `${V2}/lookup`, wish);

    for (let round = 0; round < 3; round++) {
      const before = (await alice.ok('GET', `${V2}/hash_details`)).lookup_pepper;
      time.ms += 86_400_001;
      const late = `late-${round}-${s.place.engine}@example.org`;
      const proof = await prove(alice, late);
      const renewed = (async () => {
        for (;;) {
          const { lookup_pepper: now } = await alice.ok('GET', `${V2}/hash_details`);
          if (now !== before) return String(now);
        }
      })();
      await alice.ok('POST', `${V2}/3pid/bind`, { ...proof, mxid: alice.userId });
      const next = await renewed;
      const addresses = [to, late].map((address) => lookupHash({ medium: 'email', address }, next));
      const now = await alice.ok('POST', `${V2}/lookup`, { algorithm: 'sha256', pepper: next, addresses });
      assert.deepEqual(Object.keys(now.mappings).sort(), [...addresses].sort());
      await alice.fails(400, 'M_INVALID_PEPPER', 'POST', `${V2}/lookup`, { ...wish, pepper: before });
    }
  },
  {
    env: { ...ENV, MYELIN_IDENTITY_PLAIN_LOOKUP: 'true' },
    overrides: { clock: { now: () => time.ms } },
  },
);

onServers(
  'addresses can be looked up as they are only where that is configured',
  async (s) => {
    const alice = await atIdentityServer(await s.person('alice'));
    const { lookup_pepper: pepper, algorithms } = await alice.ok('GET', `${V2}/hash_details`);
    assert.deepEqual(algorithms, ['sha256']);
    const wish = { algorithm: 'none', pepper, addresses: [] };
    await alice.fails(400, 'M_INVALID_PARAM', 'POST', `${V2}/lookup`, wish);
  },
  { env: ENV },
);

onServers(
  'a user looks up so many addresses and no more, in however few requests',
  async (s) => {
    const alice = await atIdentityServer(await s.person('alice'));
    const { lookup_pepper: pepper } = await alice.ok('GET', `${V2}/hash_details`);
    const wish = {
      algorithm: 'sha256',
      pepper,
      addresses: Array.from({ length: 150 }, (_, i) => `hash${i}`),
    };
    await alice.ok('POST', `${V2}/lookup`, wish);
    const limited = await alice.fails(429, 'M_LIMIT_EXCEEDED', 'POST', `${V2}/lookup`, wish);
    assert.ok(limited.retry_after_ms > 40_000);
    const bob = await atIdentityServer(await s.person('bob'));
    await bob.ok('POST', `${V2}/lookup`, wish);
  },
  {
    env: {
      ...ENV,
      MYELIN_LIMITS_ENABLED: 'true',
      MYELIN_LIMITS_LOOKUP_PER_SECOND: '1',
      MYELIN_LIMITS_LOOKUP_BURST: '100',
    },
  },
);

const shared = { ms: Date.now() };

onServers(
  'processes on one database replace the pepper together, and know each other’s people and invitations',
  async (s) => {
    const alice = await atIdentityServer(await s.person('alice'));
    const there = Object.assign(new TestClient((await s.another()).url), { token: alice.token });
    const addresses: string[] = [];
    const bindOne = async (client: TestClient) => {
      const address = `many-${addresses.length}-${s.place.engine}@example.org`;
      addresses.push(address);
      await client.ok('POST', `${V2}/3pid/bind`, { ...(await prove(client, address)), mxid: alice.userId });
    };
    for (let i = 0; i < 6; i++) await bindOne(i % 2 === 0 ? alice : there);
    const old = (await alice.ok('GET', `${V2}/hash_details`)).lookup_pepper;
    shared.ms += 86_400_001;
    const renewed = async (client: TestClient) => {
      for (;;) {
        const { lookup_pepper: pepper } = await client.ok('GET', `${V2}/hash_details`);
        if (pepper !== old) return String(pepper);
      }
    };
    const both = Promise.all([renewed(alice), renewed(there)]);
    await Promise.all([bindOne(alice), bindOne(there)]);
    const [pepper, same] = await both;
    assert.equal(pepper, same);
    for (const client of [alice, there]) {
      const hashes = addresses.map((address) => lookupHash({ medium: 'email', address }, pepper));
      const wish = { algorithm: 'sha256', pepper, addresses: hashes };
      const { mappings } = await client.ok('POST', `${V2}/lookup`, wish);
      assert.deepEqual(Object.keys(mappings).sort(), [...hashes].sort());
    }

    const bob = await s.person('bob');
    const to = `invited-${s.place.engine}@example.org`;
    const room = '!nowhere:localhost';
    const invite = { medium: 'email', address: to, room_id: room, sender: alice.userId };
    const { token } = await there.ok('POST', `${V2}/store-invite`, invite);
    const guest = await atIdentityServer(bob);
    const signed = await guest.ok('POST', `${V2}/sign-ed25519`, { mxid: bob.userId, ...secretIn(to) });
    assert.equal(signed.token, token);
  },
  { env: ENV, overrides: { clock: { now: () => shared.ms } } },
);
