import assert from 'node:assert/strict';
import { passwordAuth } from '../../../testing/client/address-proofs.ts';
import { OAuthTestClient } from '../../../testing/client/oauth-client.ts';
import { TestBrowser } from '../../../testing/client/test-browser.ts';
import { TestClient } from '../../../testing/client/test-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';

onServers(
  'a password change asks for the old one and ends other devices [B013 partial]',
  async ({ person, anonymous }) => {
    const alice = await person('alice');
    const identifier = { type: 'm.id.user', user: 'alice' };
    const login = (password: string) =>
      anonymous().ask('POST', '/v3/login', { type: 'm.login.password', identifier, password });
    const other = new TestClient(alice.base, (await login('alice password')).body.access_token);
    const change = { new_password: 'another password' };
    const asked = await alice.ask('POST', '/v3/account/password', change);
    assert.equal(asked.status, 401);
    assert.deepEqual(asked.body.flows, [{ stages: ['m.login.password'] }, { stages: ['m.login.sso'] }]);
    const auth = (password: string) => ({
      type: 'm.login.password',
      identifier,
      password,
      session: asked.body.session,
    });
    const wrong = await alice.ask('POST', '/v3/account/password', { ...change, auth: auth('no') });
    assert.deepEqual([wrong.status, wrong.body.errcode], [401, 'M_FORBIDDEN']);
    await alice.ok('POST', '/v3/account/password', { ...change, auth: auth('alice password') });
    await other.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    await alice.ok('GET', '/v3/account/whoami');
    assert.equal((await login('alice password')).status, 403);
    const kept = await login('another password');
    assert.equal(kept.status, 200);
    const password = { type: 'm.login.password', identifier, password: 'another password' };
    const again = { new_password: 'a third password', logout_devices: false, auth: password };
    await alice.ok('POST', '/v3/account/password', again);
    await new TestClient(alice.base, kept.body.access_token).ok('GET', '/v3/account/whoami');
  },
);

/** Sets another password of alice's, with which all other devices end. */
async function changePassword(alice: TestClient): Promise<void> {
  const auth = passwordAuth('alice');
  await alice.ok('POST', '/v3/account/password', { new_password: 'a better password', auth });
}

onServers(
  'a password change ends what was granted to other devices and is not fetched yet [B013 partial]',
  async ({ person, anonymous }) => {
    const alice = await person('alice');
    const client = await OAuthTestClient.register(anonymous().base);
    const browser = new TestBrowser(alice.base);
    const code = await client.codeFrom(browser, 'alice', 'ONE');
    const grant_type = 'urn:ietf:params:oauth:grant-type:device_code';
    const { body: asked } = await client.post('device_authorization_endpoint', {
      client_id: client.clientId,
      scope: 'urn:matrix:client:api:* urn:matrix:client:device:OTHER',
    });
    await browser.open(asked.verification_uri_complete);
    await browser.submit({ decision: 'allow' });
    const { login_token: token } = await alice.ok('POST', '/v1/login/get_token', {
      auth: passwordAuth('alice'),
    });
    await changePassword(alice);
    assert.equal((await client.redeem(code)).status, 400);
    const { device_code } = asked;
    const polled = await client.post('token_endpoint', {
      grant_type,
      device_code,
      client_id: client.clientId,
    });
    assert.deepEqual([polled.status, polled.body.error], [400, 'invalid_grant']);
    await anonymous().fails(403, 'M_FORBIDDEN', 'POST', '/v3/login', { type: 'm.login.token', token });
    assert.deepEqual((await alice.ok('GET', '/v3/devices')).devices.length, 1);
  },
);

onServers(
  'a password change ends log-ins by token that may be tried again [B013 partial]',
  async ({ person, anonymous }) => {
    const alice = await person('alice');
    const { login_token: token } = await alice.ok('POST', '/v1/login/get_token', {
      auth: passwordAuth('alice'),
    });
    const login = { type: 'm.login.token', token, txn_id: 'one' };
    await anonymous().ok('POST', '/v3/login', login);
    await anonymous().ok('POST', '/v3/login', login);
    await changePassword(alice);
    await anonymous().fails(403, 'M_FORBIDDEN', 'POST', '/v3/login', login);
  },
);

onServers(
  'a session of interactive authentication serves one purpose only [B010 partial]',
  async ({ person }) => {
    const alice = await person('alice');
    const asked = await alice.ask('POST', '/v3/account/password', { new_password: 'another password' });
    const auth = {
      type: 'm.login.password',
      user: 'alice',
      password: 'alice password',
      session: asked.body.session,
    };
    await alice.fails(400, 'M_UNKNOWN', 'POST', '/v3/account/deactivate', { auth });
  },
);
