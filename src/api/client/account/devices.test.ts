import assert from 'node:assert/strict';
import { onServers } from '../../../testing/server/test-server.ts';
import { TestClient, type Json } from '../../../testing/client/test-client.ts';

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

onServers('devices are listed, renamed and deleted with a password [B043]', async ({ person, anonymous }) => {
  const alice = await person('alice');
  const identifier = { type: 'm.id.user', user: 'alice' };
  const login = { type: 'm.login.password', identifier, password: 'alice password' };
  const phone = await anonymous().ok('POST', '/v3/login', {
    ...login,
    device_id: 'PHONE',
    initial_device_display_name: 'phone',
  });
  const names = async () =>
    (await alice.ok('GET', '/v3/devices')).devices.map(
      (device: Json) => device.display_name ?? device.device_id,
    );
  assert.deepEqual((await names()).sort(), [alice.deviceId, 'phone'].sort());
  await alice.ok('PUT', '/v3/devices/PHONE', { display_name: 'my phone' });
  assert.equal((await alice.ok('GET', '/v3/devices/PHONE')).display_name, 'my phone');
  await alice.fails(404, 'M_NOT_FOUND', 'GET', '/v3/devices/NONE');
  const asked = await alice.ask('DELETE', '/v3/devices/PHONE', {});
  assert.equal(asked.status, 401);
  const auth = { ...login, session: asked.body.session };
  await alice.ok('DELETE', '/v3/devices/PHONE', { auth });
  await new TestClient(alice.base, phone.access_token).fails(
    401,
    'M_UNKNOWN_TOKEN',
    'GET',
    '/v3/account/whoami',
  );
  await alice.fails(404, 'M_NOT_FOUND', 'GET', '/v3/devices/PHONE');
});

onServers(
  'a device that logs in again keeps the name that its user gave it [B043 partial]',
  async ({ person, anonymous }) => {
    const alice = await person('alice');
    const login = async (more: object = {}) => {
      const password = { type: 'm.login.password', user: 'alice', password: 'alice password' };
      const opened = await anonymous().ok('POST', '/v3/login', { ...password, device_id: 'PHONE', ...more });
      const name = (await alice.ok('GET', '/v3/devices/PHONE')).display_name;
      return { phone: new TestClient(alice.base, opened.access_token), name };
    };
    const { phone, name } = await login({ initial_device_display_name: 'Example Client' });
    assert.equal(name, 'Example Client');
    await phone.ok('PUT', '/v3/devices/PHONE', { display_name: 'my phone' });
    assert.equal((await login({ initial_device_display_name: 'Example Client' })).name, 'my phone');
    assert.equal((await login()).name, 'my phone');
  },
);
