import assert from 'node:assert/strict';
import { openPlaceDatabase } from '../../../testing/server/place-database.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { TestClient, type Json } from '../../../testing/client/test-client.ts';
import { tokenHash } from '../../../accounts/token-hash.ts';
import * as devicesStore from '../../../storage/accounts/devices-store.ts';
import * as tokensStore from '../../../storage/accounts/tokens-store.ts';
import type { DeviceId, UserId } from '../../../protocol/identifiers.ts';
import { UnitOfWork } from '../../../storage/unit-of-work.ts';

onServers('logout/all ends more devices than are listed [B012 partial]', async ({ person, place }) => {
  const alice = await person('alice');
  const userId = alice.userId as UserId;
  const unit = new UnitOfWork();
  for (let i = 0; i < 1_010; i++) {
    const deviceId = `D${String(i).padStart(4, '0')}` as DeviceId;
    devicesStore.put(unit, userId, deviceId, undefined);
    tokensStore.addAccess(unit, tokenHash(`token-${i}`), {
      userId,
      deviceId,
      expiresAt: undefined,
      oauthClient: undefined,
    });
  }
  const database = await openPlaceDatabase(place);
  await database.commit(unit);
  await database.close();
  const last = new TestClient(alice.base, 'token-1009');
  await last.ok('GET', '/v3/account/whoami');
  await alice.ok('POST', '/v3/logout/all');
  await last.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
  const fresh = await new TestClient(alice.base).ok('POST', '/v3/login', {
    type: 'm.login.password',
    user: 'alice',
    password: 'alice password',
  });
  const { devices } = await new TestClient(alice.base, fresh.access_token).ok('GET', '/v3/devices');
  assert.equal(devices.length, 1);
});

onServers(
  'logout ends one device, logout/all every one [B012 partial] [B007]',
  async ({ person, anonymous }) => {
    const alice = await person('alice');
    const identifier = { type: 'm.id.user', user: 'alice' };
    const login = () =>
      anonymous().ok('POST', '/v3/login', {
        type: 'm.login.password',
        identifier,
        password: 'alice password',
      });
    const phone = new TestClient(alice.base, (await login()).access_token);
    const tablet = new TestClient(alice.base, (await login()).access_token);
    await phone.ok('POST', '/v3/logout');
    await phone.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    await tablet.ok('GET', '/v3/account/whoami');
    await alice.ok('POST', '/v3/logout/all');
    await tablet.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    await anonymous().fails(401, 'M_MISSING_TOKEN', 'GET', '/v3/account/whoami');
  },
);

/** Lets a method go on only when the test says so. */
function held<K extends string>(of: Record<K, (...all: never[]) => Promise<void>>, name: K) {
  const [reached, gate] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
  const method = of[name].bind(of) as (...all: never[]) => Promise<void>;
  of[name] = async (...all) => {
    reached.resolve();
    await gate.promise;
    await method(...all);
  };
  return { reached: reached.promise, goOn: gate.resolve };
}

async function second(alice: TestClient): Promise<TestClient> {
  const body = await new TestClient(alice.base).ok('POST', '/v3/login', {
    type: 'm.login.password',
    user: 'alice',
    password: 'alice password',
  });
  return Object.assign(new TestClient(alice.base, body.access_token), { deviceId: body.device_id as string });
}

onServers(
  'keys that were on their way when their device was ended are nobody’s [B012 partial]',
  async ({ person, server }) => {
    const alice = await person('alice');
    const other = await second(alice);
    const adding = held(server.services.oneTimeKeys, 'add');
    const { userId } = alice;
    const keys = { [`ed25519:${other.deviceId}`]: 'key' };
    const upload = other.ask('POST', '/v3/keys/upload', {
      device_keys: { user_id: userId, device_id: other.deviceId, algorithms: [], keys, signatures: {} },
      one_time_keys: { 'signed_curve25519:k': { key: 'k', signatures: {} } },
    });
    await adding.reached;
    await other.ok('POST', '/v3/logout', {});
    adding.goOn();
    const { status, body } = await upload;
    assert.deepEqual([status, body.errcode], [401, 'M_UNKNOWN_TOKEN']);
    const { device_keys: shown } = await alice.ok('POST', '/v3/keys/query', {
      device_keys: { [userId]: [] },
    });
    assert.deepEqual((shown as Json)[userId], {});
    const wanted = { [userId]: { [other.deviceId]: 'signed_curve25519' } };
    const claimed = await alice.ok('POST', '/v3/keys/claim', { one_time_keys: wanted });
    assert.deepEqual(claimed.one_time_keys, {});
  },
);

onServers(
  'a pusher that was on its way when its device was ended is none [B012 partial]',
  async ({ person, server }) => {
    const alice = await person('alice');
    const other = await second(alice);
    const setting = held(server.services.pushers, 'set');
    const set = other.ask('POST', '/v3/pushers/set', {
      kind: 'http',
      app_id: 'org.example',
      pushkey: 'key',
      lang: 'en',
      app_display_name: 'App',
      device_display_name: 'Phone',
      data: { url: 'https://push.example.org/_matrix/push/v1/notify' },
    });
    await setting.reached;
    await other.ok('POST', '/v3/logout', {});
    setting.goOn();
    const { status, body } = await set;
    assert.deepEqual([status, body.errcode], [401, 'M_UNKNOWN_TOKEN']);
    assert.deepEqual((await alice.ok('GET', '/v3/pushers')).pushers, []);
  },
);
