import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import type { JsonObject } from '../../../protocol/json.ts';
import { SigningKey, signJson } from '../../../protocol/signing.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import type { Json, TestClient } from '../../../testing/client/test-client.ts';

/** Keys of a person, with real signatures. */
class Keys {
  readonly master = newKey();
  readonly selfSigning = newKey();
  readonly userSigning = newKey();
  readonly device = newKey();
  readonly client: TestClient;

  constructor(client: TestClient) {
    this.client = client;
  }

  masterKey(): JsonObject {
    return this.#key('master', this.master);
  }

  upload(): JsonObject {
    const byMaster = (key: JsonObject) => sign(key, this.client.userId, this.master);
    return {
      master_key: this.masterKey(),
      self_signing_key: byMaster(this.#key('self_signing', this.selfSigning)),
      user_signing_key: byMaster(this.#key('user_signing', this.userSigning)),
    };
  }

  deviceKeys(): JsonObject {
    const { userId, deviceId } = this.client;
    const keys = { [`ed25519:${deviceId}`]: this.device.publicKey, [`curve25519:${deviceId}`]: 'curve' };
    return { user_id: userId, device_id: deviceId, algorithms: [], keys, signatures: {} };
  }

  #key(usage: string, key: SigningKey): JsonObject {
    const keys = { [`ed25519:${key.publicKey}`]: key.publicKey };
    return { user_id: this.client.userId, usage: [usage], keys };
  }
}

function newKey(): SigningKey {
  return SigningKey.fromSeed('ed25519:0', randomBytes(32));
}

/** Signs as clients do: the name of a key is its public part, or the device's ID. */
function sign(object: JsonObject, signer: string, key: SigningKey, name = key.publicKey): JsonObject {
  const signed = signJson(object, signer, key);
  const signature = (signed.signatures as Json)[signer][key.keyId];
  return { ...object, signatures: { [signer]: { [`ed25519:${name}`]: signature } } };
}

const UPLOAD = '/v3/keys/device_signing/upload';
const SIGN = '/v3/keys/signatures/upload';

async function query(viewer: TestClient, whose: TestClient): Promise<Json> {
  return viewer.ok('POST', '/v3/keys/query', { device_keys: { [whose.userId]: [] } });
}

onServers(
  'the first cross-signing keys need only the token, others the password [B045 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const keys = new Keys(alice);
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const before = await bob.sync();
    await alice.ok('POST', UPLOAD, keys.upload());
    const told = await bob.syncUntil(before.next_batch, (body) => body.device_lists !== undefined);
    assert.deepEqual(told.device_lists.changed, [alice.userId]);
    const seen = await query(bob, alice);
    assert.deepEqual(seen.master_keys[alice.userId].keys, keys.masterKey().keys);
    assert.deepEqual(Object.keys(seen.self_signing_keys), [alice.userId]);
    assert.deepEqual(seen.user_signing_keys, {});
    assert.deepEqual(Object.keys((await query(alice, alice)).user_signing_keys), [alice.userId]);
    // The same again changes nothing and needs no proof.
    await alice.ok('POST', UPLOAD, keys.upload());
    const others = new Keys(alice);
    const asked = await alice.ask('POST', UPLOAD, others.upload());
    assert.equal(asked.status, 401);
    assert.deepEqual(asked.body.flows, [{ stages: ['m.login.password'] }, { stages: ['m.login.sso'] }]);
    const auth = {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'alice' },
      password: 'alice password',
      session: asked.body.session,
    };
    await alice.ok('POST', UPLOAD, { ...others.upload(), auth });
    assert.deepEqual((await query(bob, alice)).master_keys[alice.userId].keys, others.masterKey().keys);
  },
);

onServers('of keys uploaded at the same time only the first need no password [B045 partial]', async (s) => {
  const alice = await s.person('alice');
  const tries = [new Keys(alice), new Keys(alice), new Keys(alice)];
  const answers = await Promise.all(tries.map((keys) => alice.ask('POST', UPLOAD, keys.upload())));
  assert.deepEqual(answers.map((answer) => answer.status).sort(), [200, 401, 401]);
});

onServers('clients learn that cross-signing is there, and may upload nothing [B045 partial]', async (s) => {
  const alice = await s.person('alice');
  const { unstable_features: features } = await s.anonymous().ok('GET', '/_matrix/client/versions');
  assert.equal(features['org.matrix.e2e_cross_signing'], true);
  assert.deepEqual(await alice.ok('POST', UPLOAD, {}), {});
  assert.deepEqual((await query(alice, alice)).master_keys, {});
  const keys = new Keys(alice);
  await alice.ok('POST', UPLOAD, keys.upload());
  assert.deepEqual(await alice.ok('POST', UPLOAD, {}), {});
  assert.deepEqual((await query(alice, alice)).master_keys[alice.userId].keys, keys.masterKey().keys);
});

onServers('cross-signing keys that are not in order are refused [B045 partial]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const [keys, others] = [new Keys(alice), new Keys(alice)];
  const upload = keys.upload();
  const refused = (code: string, more: JsonObject) =>
    alice.fails(400, code, 'POST', UPLOAD, { ...upload, ...more });
  await refused('M_INVALID_SIGNATURE', { self_signing_key: others.upload().self_signing_key });
  await refused('M_INVALID_PARAM', { master_key: new Keys(bob).masterKey() });
  await refused('M_INVALID_PARAM', { master_key: { ...keys.masterKey(), usage: ['self_signing'] } });
  await refused('M_INVALID_PARAM', { master_key: { ...keys.masterKey(), keys: { 'ed25519:a': 'b' } } });
  await alice.fails(400, 'M_MISSING_PARAM', 'POST', UPLOAD, { self_signing_key: upload.self_signing_key });
  assert.deepEqual((await query(alice, alice)).master_keys, {});
});

onServers(
  'signatures are kept when they are right, and shown to whom they concern [B045 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const eve = await s.person('eve');
    const [hers, his] = [new Keys(alice), new Keys(bob)];
    await alice.ok('POST', '/v3/keys/upload', { device_keys: hers.deviceKeys() });
    await alice.ok('POST', UPLOAD, hers.upload());
    await bob.ok('POST', UPLOAD, his.upload());
    const device = sign(hers.deviceKeys(), alice.userId, hers.selfSigning);
    const master = sign(hers.masterKey(), alice.userId, hers.device, alice.deviceId);
    const own = await alice.ok('POST', SIGN, {
      [alice.userId]: { [alice.deviceId]: device, [hers.master.publicKey]: master },
    });
    assert.deepEqual(own.failures, {});
    const before = await bob.sync();
    const vouched = sign(hers.masterKey(), bob.userId, his.userSigning);
    const answer = await bob.ok('POST', SIGN, { [alice.userId]: { [hers.master.publicKey]: vouched } });
    assert.deepEqual(answer.failures, {});
    const told = await bob.syncUntil(before.next_batch, (body) => body.device_lists !== undefined);
    assert.deepEqual(told.device_lists.changed, [alice.userId]);
    const signersOf = (key: Json) => Object.keys(key.signatures ?? {}).sort();
    const [forBob, forEve] = [await query(bob, alice), await query(eve, alice)];
    assert.deepEqual(signersOf(forBob.master_keys[alice.userId]), [alice.userId, bob.userId]);
    assert.deepEqual(signersOf(forEve.master_keys[alice.userId]), [alice.userId]);
    const shown = forEve.device_keys[alice.userId][alice.deviceId];
    assert.deepEqual(Object.keys(shown.signatures[alice.userId]), [`ed25519:${hers.selfSigning.publicKey}`]);
  },
);

onServers(
  'keys of a device that are uploaded again keep their signatures, also at the same time; other keys do not [B045 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const keys = new Keys(alice);
    const unsigned = keys.deviceKeys();
    const bySelf = sign(unsigned, alice.userId, keys.selfSigning);
    const byDevice = sign(unsigned, alice.userId, keys.device, alice.deviceId);
    const upload = (device: JsonObject) => alice.ok('POST', '/v3/keys/upload', { device_keys: device });
    const signersOf = async () => {
      const { signatures } = (await query(alice, alice)).device_keys[alice.userId][alice.deviceId];
      return Object.keys(signatures[alice.userId] ?? {}).sort();
    };
    const [device, self] = [`ed25519:${alice.deviceId}`, `ed25519:${keys.selfSigning.publicKey}`];
    await Promise.all([bySelf, byDevice, unsigned].map(upload));
    assert.deepEqual(await signersOf(), [device, self].sort());

    const other = { ...unsigned, algorithms: ['m.olm.v1.curve25519-aes-sha2'] };
    await upload(other);
    assert.deepEqual(await signersOf(), []);
    await alice.ok('POST', UPLOAD, keys.upload());
    const added = { [alice.userId]: { [alice.deviceId]: sign(other, alice.userId, keys.selfSigning) } };
    assert.deepEqual((await alice.ok('POST', SIGN, added)).failures, {});
    await upload(sign(other, alice.userId, keys.device, alice.deviceId));
    assert.deepEqual(await signersOf(), [device, self].sort());
    await upload(unsigned);
    assert.deepEqual(await signersOf(), []);
  },
);

onServers(
  'signatures that are wrong or of no right to sign are told one by one [B045 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const [hers, his] = [new Keys(alice), new Keys(bob)];
    await alice.ok('POST', '/v3/keys/upload', { device_keys: hers.deviceKeys() });
    await alice.ok('POST', UPLOAD, hers.upload());
    await bob.ok('POST', UPLOAD, his.upload());
    const failures = async (client: TestClient, keyId: string, key: JsonObject) => {
      const body = await client.ok('POST', SIGN, { [alice.userId]: { [keyId]: key } });
      return body.failures[alice.userId]?.[keyId]?.errcode;
    };
    const { deviceId, userId } = alice;
    const good = sign(hers.deviceKeys(), userId, hers.selfSigning);
    assert.equal(
      await failures(alice, deviceId, { ...good, algorithms: ['changed'] }),
      'M_INVALID_SIGNATURE',
    );
    const byMaster = sign(hers.deviceKeys(), userId, hers.master);
    assert.equal(await failures(alice, deviceId, byMaster), 'M_INVALID_SIGNATURE');
    const garbled = sign({ ...hers.deviceKeys(), algorithms: ['other'] }, userId, hers.selfSigning);
    assert.equal(
      await failures(alice, deviceId, { ...hers.deviceKeys(), signatures: garbled.signatures }),
      'M_INVALID_SIGNATURE',
    );
    assert.equal(await failures(alice, 'NOSUCH', good), 'M_NOT_FOUND');
    const byBob = sign(hers.deviceKeys(), bob.userId, his.userSigning);
    assert.equal(await failures(bob, deviceId, byBob), 'M_NOT_FOUND');
    assert.equal(
      await failures(bob, hers.master.publicKey, sign(hers.masterKey(), bob.userId, his.selfSigning)),
      'M_INVALID_SIGNATURE',
    );
    assert.equal((await query(alice, alice)).device_keys[userId][deviceId].signatures?.[userId], undefined);
  },
);

onServers(
  'no device has the name of a cross-signing key, nor a key that of a device [B045 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const keys = new Keys(alice);
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' } };
    const login = (deviceId: string) =>
      s.anonymous().ask('POST', '/v3/login', { ...auth, password: 'alice password', device_id: deviceId });
    const dehydrate = (deviceId: string) =>
      alice.ask('PUT', '/unstable/org.matrix.msc3814.v1/dehydrated_device', {
        device_id: deviceId,
        device_data: { algorithm: 'org.example' },
        device_keys: { ...keys.deviceKeys(), device_id: deviceId },
      });
    const asDevice = new Keys(alice);
    assert.equal((await login(asDevice.master.publicKey)).status, 200);
    await alice.fails(403, 'M_FORBIDDEN', 'POST', UPLOAD, asDevice.upload());
    await alice.ok('POST', UPLOAD, keys.upload());
    for (const key of [keys.master, keys.selfSigning, keys.userSigning]) {
      for (const { status, body } of [await login(key.publicKey), await dehydrate(key.publicKey)]) {
        assert.deepEqual([status, body.errcode], [403, 'M_FORBIDDEN']);
      }
    }
    assert.equal((await login('PHONE')).status, 200);
  },
);
