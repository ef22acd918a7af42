import assert from 'node:assert/strict';
import { onServers } from '../../../testing/server/test-server.ts';
import { TestClient } from '../../../testing/client/test-client.ts';

onServers('several devices are deleted at once, with the password [B043 partial]', async ({ person }) => {
  const alice = await person('alice');
  const identifier = { type: 'm.id.user', user: 'alice' };
  const login = (id: string) =>
    alice.ok('POST', '/v3/login', {
      type: 'm.login.password',
      ...{ identifier, password: 'alice password', device_id: id },
    });
  const phone = new TestClient(alice.base, (await login('PHONE')).access_token);
  await login('TABLET');
  const devices = ['PHONE', 'TABLET'];
  const challenge = await alice.ask('POST', '/v3/delete_devices', { devices });
  assert.deepEqual(
    [challenge.status, challenge.body.flows],
    [401, [{ stages: ['m.login.password'] }, { stages: ['m.login.sso'] }]],
  );
  await phone.ok('GET', '/v3/account/whoami');
  const auth = { type: 'm.login.password', identifier, password: 'alice password' };
  const proof = { ...auth, session: challenge.body.session };
  await alice.ok('POST', '/v3/delete_devices', { devices, auth: proof });
  await phone.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
  const left = (await alice.ok('GET', '/v3/devices')).devices;
  assert.deepEqual(
    left.map((one: { device_id: string }) => one.device_id),
    [alice.deviceId],
  );
});
