import assert from 'node:assert/strict';
import { openPlaceDatabase } from '../../../testing/server/place-database.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { TestClient } from '../../../testing/client/test-client.ts';
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
