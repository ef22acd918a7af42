import assert from 'node:assert/strict';
import type { JsonObject } from '../../protocol/json.ts';
import { signJson, SigningKey } from '../../protocol/signing.ts';
import type { Json } from '../../testing/client/test-client.ts';
import { putIntoRoom } from '../../testing/federation/put-into-room.ts';
import { withBob, edu } from '../../testing/federation/remote-room-mate.ts';
import { deviceKeys, SIGNED_KEY } from './testing/keys-of-devices.ts';

/** A key of Bob's for cross-signing, as his server gives it. */
function crossSigningKey(usage: string, userId: string, key: SigningKey, signer?: SigningKey): JsonObject {
  const keys = { [`ed25519:${key.publicKey}`]: key.publicKey };
  const unsigned = { user_id: userId, usage: [usage], keys };
  if (!signer) return unsigned;
  const { signatures } = signJson(unsigned, userId, signer) as Json;
  const signature = signatures[userId][signer.keyId];
  return { ...unsigned, signatures: { [userId]: { [`ed25519:${signer.publicKey}`]: signature } } };
}

const keyOf = (byte: number) => SigningKey.fromSeed('ed25519:0', Buffer.alloc(32, byte));

withBob(
  'keys of people on other servers are asked for and claimed, with what failed [B110]',
  async (parts) => {
    const { remote, alice, bob } = parts;
    const stranger = `@stranger:${remote.name}`;
    remote.answer = ({ url, body }) => {
      if (url.endsWith('/user/keys/query')) {
        assert.deepEqual(body, { device_keys: { [stranger]: ['X'] } });
        const keys = { [stranger]: { X: deviceKeys(stranger, 'X') }, [alice.userId]: { FORGED: {} } };
        return { status: 200, body: { device_keys: keys } };
      }
      if (!url.endsWith('/user/keys/claim')) return undefined;
      const oneTime = { [bob]: { PHONE: { 'signed_curve25519:x': SIGNED_KEY } } };
      return { status: 200, body: { one_time_keys: oneTime } };
    };
    const gone = '@carol:localhost:1';
    const queried = await alice.ok('POST', '/v3/keys/query', {
      device_keys: { [stranger]: ['X'], [gone]: [] },
      timeout: 2_000,
    });
    assert.deepEqual(Object.keys(queried.device_keys), [stranger]);
    assert.deepEqual(Object.keys(queried.failures), ['localhost:1']);
    const claimed = await alice.ok('POST', '/v3/keys/claim', {
      one_time_keys: { [bob]: { PHONE: 'signed_curve25519' }, [gone]: { Y: 'signed_curve25519' } },
      timeout: 2_000,
    });
    assert.deepEqual(claimed.one_time_keys, { [bob]: { PHONE: { 'signed_curve25519:x': SIGNED_KEY } } });
    assert.deepEqual(Object.keys(claimed.failures), ['localhost:1']);
  },
);

withBob(
  'keys for cross-signing are told to other servers, and those of people there are believed as far as they are signed ' +
    '[B110]',
  async (parts) => {
    const { a, remote, alice, bob } = parts;
    const [master, selfSigning] = [keyOf(1), keyOf(2)];
    const keysOf = (userId: string) => ({
      master_key: crossSigningKey('master', userId, master),
      self_signing_key: crossSigningKey('self_signing', userId, selfSigning, master),
    });
    const ofAlice = keysOf(alice.userId);
    const userSigning = crossSigningKey('user_signing', alice.userId, keyOf(3), master);
    await alice.ok('POST', '/v3/keys/device_signing/upload', { ...ofAlice, user_signing_key: userSigning });
    assert.deepEqual(await edu(remote, 'm.signing_key_update'), { user_id: alice.userId, ...ofAlice });
    const path = '/_matrix/federation/v1/user';
    const list = await remote.ask(a.name, 'GET', `${path}/devices/${encodeURIComponent(alice.userId)}`);
    // The master key comes with the signatures by devices, of which there are none.
    const unsigned = { ...ofAlice.master_key, signatures: {} };
    assert.deepEqual(list.body.master_key, unsigned);
    assert.deepEqual(list.body.self_signing_key, ofAlice.self_signing_key);
    const wanted = { device_keys: { [alice.userId]: [], [bob]: [] } };
    const { body } = await remote.ask(a.name, 'POST', `${path}/keys/query`, wanted);
    assert.deepEqual(body.master_keys, { [alice.userId]: unsigned });
    assert.deepEqual(body.self_signing_keys, { [alice.userId]: ofAlice.self_signing_key });
    assert.deepEqual(Object.keys(body.device_keys), [alice.userId], 'of people here only');
    assert.equal(body.user_signing_keys, undefined, 'that is for its user alone');

    remote.answer = ({ url }) =>
      url.includes('/user/devices/')
        ? { status: 200, body: { user_id: bob, stream_id: 1, devices: [] } }
        : undefined;
    const query = async () =>
      (await alice.ok('POST', '/v3/keys/query', { device_keys: { [bob]: [] } })) as Json;
    assert.deepEqual((await query()).master_keys, {});
    const update = (content: JsonObject) => ({ edu_type: 'm.signing_key_update', content });
    const since = (await alice.sync()).next_batch;
    const ofBob = keysOf(bob);
    await remote.sendEdus(
      a.name,
      update({ user_id: alice.userId, ...keysOf(alice.userId), master_key: ofBob.master_key }),
      update({ user_id: bob, ...ofBob }),
    );
    await alice.syncUntil(since, (one) => (one.device_lists?.changed ?? []).includes(bob));
    const shown = await query();
    assert.deepEqual(shown.master_keys, { [bob]: { ...ofBob.master_key, signatures: {} } });
    assert.deepEqual(shown.self_signing_keys, { [bob]: ofBob.self_signing_key });
    const forged = crossSigningKey('self_signing', bob, keyOf(4), keyOf(5));
    await remote.sendEdus(
      a.name,
      update({ user_id: bob, master_key: ofBob.master_key, self_signing_key: forged }),
    );
    const after = (await query()).self_signing_keys as JsonObject;
    assert.notDeepEqual(after[bob], forged, 'what the master key has not signed is not shown');
    const own = await alice.ok('POST', '/v3/keys/query', { device_keys: { [alice.userId]: [] } });
    assert.deepEqual(own.master_keys, { [alice.userId]: unsigned });
  },
);

withBob(
  'an update of keys for cross-signing may have only those that changed, and the list is fetched where that is no help',
  async ({ a, remote, alice, bob }) => {
    const master = keyOf(1);
    const masterKey = crossSigningKey('master', bob, master);
    const signedKey = (byte: number) => crossSigningKey('self_signing', bob, keyOf(byte), master);
    let listed: JsonObject = { master_key: masterKey, self_signing_key: signedKey(2) };
    const asked = () => remote.seen.filter(({ url }) => url.includes('/user/devices/')).length;
    remote.answer = ({ url }) =>
      url.includes('/user/devices/')
        ? { status: 200, body: { user_id: bob, stream_id: 1, devices: [], ...listed } }
        : undefined;
    const keys = async () => {
      const shown: Json = await alice.ok('POST', '/v3/keys/query', { device_keys: { [bob]: [] } });
      return [shown.master_keys[bob]?.keys, shown.self_signing_keys[bob]?.keys];
    };
    let since = (await alice.sync()).next_batch;
    const update = async (content: JsonObject) => {
      await remote.sendEdus(a.name, {
        edu_type: 'm.signing_key_update',
        content: { user_id: bob, ...content },
      });
      const isTold = (one: Json) => (one.device_lists?.changed ?? []).includes(bob);
      since = (await alice.syncUntil(since, isTold)).next_batch;
    };
    assert.deepEqual(await keys(), [masterKey.keys, signedKey(2).keys]);

    await update({ self_signing_key: signedKey(3) });
    assert.deepEqual(await keys(), [masterKey.keys, signedKey(3).keys]);
    await update({ master_key: masterKey });
    assert.deepEqual(await keys(), [masterKey.keys, signedKey(3).keys], 'the master key is the same');
    const other = crossSigningKey('master', bob, keyOf(5));
    await update({ master_key: other });
    assert.deepEqual(await keys(), [other.keys, undefined], 'what another master key has signed is gone');
    assert.equal(asked(), 1);

    listed = { master_key: masterKey, self_signing_key: signedKey(4) };
    await update({ self_signing_key: signedKey(4) });
    await remote.until(() => (asked() > 1 ? true : undefined));
    assert.deepEqual(
      await keys(),
      [masterKey.keys, signedKey(4).keys],
      'not signed by the master key known here',
    );
  },
);

for (const [title, status, errcode] of [
  ['a user whom their server does not know', 404, 'M_NOT_FOUND'],
  ['a user whose list their server cannot give just now', 500, 'M_UNKNOWN'],
] as const) {
  withBob(`${title} does not hide the keys of others there`, async ({ a, remote, alice, bob }) => {
    const [ghost, stranger] = [`@ghost:${remote.name}`, `@stranger:${remote.name}`];
    // In a second room: what puts somebody into a room writes down their server for it.
    await putIntoRoom(a, ghost, await alice.createRoom({}));
    const person = a.client(alice.token);
    const devices = [{ device_id: 'PHONE', keys: deviceKeys(bob, 'PHONE') }];
    remote.answer = ({ url }) => {
      if (url.endsWith('/user/keys/query')) {
        return { status: 200, body: { device_keys: { [stranger]: { X: deviceKeys(stranger, 'X') } } } };
      }
      if (!url.includes('/user/devices/')) return undefined;
      return decodeURIComponent(url).includes(bob)
        ? { status: 200, body: { user_id: bob, stream_id: 5, devices } }
        : { status, body: { errcode, error: 'no' } };
    };
    const query = (...users: string[]) =>
      person.ok('POST', '/v3/keys/query', { device_keys: Object.fromEntries(users.map((one) => [one, []])) });
    const fetched: Json = await query(ghost, bob, stranger);
    const kept: Json = await query(ghost, bob, stranger);
    for (const { device_keys: keys, failures } of [fetched, kept]) {
      assert.deepEqual(Object.keys(keys[bob]), ['PHONE']);
      assert.deepEqual(Object.keys(keys[stranger]), ['X']);
      assert.deepEqual(Object.keys(failures), status === 404 ? [] : [remote.name]);
    }
  });
}

withBob('a device that is signed keeps its name with other servers', async ({ remote, alice }) => {
  const { userId, deviceId } = alice;
  const [master, selfSigning] = [keyOf(1), keyOf(2)];
  await alice.ok('PUT', `/v3/devices/${deviceId}`, { display_name: 'My phone' });
  const keys = { ...deviceKeys(userId, deviceId), signatures: {} } as JsonObject;
  await alice.ok('POST', '/v3/keys/upload', { device_keys: keys });
  await alice.ok('POST', '/v3/keys/device_signing/upload', {
    master_key: crossSigningKey('master', userId, master),
    self_signing_key: crossSigningKey('self_signing', userId, selfSigning, master),
  });
  const name = `ed25519:${selfSigning.publicKey}`;
  const signature = (signJson(keys, userId, selfSigning) as Json).signatures[userId][selfSigning.keyId];
  const signed = { ...keys, signatures: { [userId]: { [name]: signature } } };
  const answer = await alice.ok('POST', '/v3/keys/signatures/upload', { [userId]: { [deviceId]: signed } });
  assert.deepEqual(answer.failures, {});
  const told = await edu(remote, 'm.device_list_update', (one) =>
    Object.hasOwn(one.keys?.signatures?.[userId] ?? {}, name),
  );
  assert.equal(told.device_display_name, 'My phone');
});

withBob(
  'whom one verified stays verified, also where no room is shared any more',
  async ({ remote, roomId, alice, bob }) => {
    const [master, selfSigning, userSigning] = [keyOf(1), keyOf(2), keyOf(3)];
    const { userId } = alice;
    await alice.ok('POST', '/v3/keys/device_signing/upload', {
      master_key: crossSigningKey('master', userId, master),
      self_signing_key: crossSigningKey('self_signing', userId, selfSigning, master),
      user_signing_key: crossSigningKey('user_signing', userId, userSigning, master),
    });
    const ofBob = crossSigningKey('master', bob, keyOf(4));
    remote.answer = ({ url }) => {
      const list = { user_id: bob, stream_id: 1, devices: [], master_key: ofBob };
      if (url.includes('/user/devices/')) return { status: 200, body: list };
      if (!url.endsWith('/user/keys/query')) return undefined;
      return { status: 200, body: { device_keys: {}, master_keys: { [bob]: ofBob } } };
    };
    const query = async () => {
      const found = await alice.ok('POST', '/v3/keys/query', { device_keys: { [bob]: [] } });
      return Object.keys(found.master_keys[bob].signatures ?? {});
    };
    assert.deepEqual(await query(), []);
    const { signatures } = signJson(ofBob, userId, userSigning) as Json;
    const signature = signatures[userId][userSigning.keyId];
    const byAlice = { [userId]: { [`ed25519:${userSigning.publicKey}`]: signature } };
    const signed = { [bob]: { [keyOf(4).publicKey]: { ...ofBob, signatures: byAlice } } };
    assert.deepEqual((await alice.ok('POST', '/v3/keys/signatures/upload', signed)).failures, {});
    assert.deepEqual(await query(), [userId]);
    await alice.ok('POST', alice.room(roomId, '/leave'), {});
    assert.deepEqual(await query(), [userId]);
  },
);
