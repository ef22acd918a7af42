import assert from 'node:assert/strict';
import { onServers } from '../../../testing/server/test-server.ts';
import { TestClient } from '../../../testing/client/test-client.ts';

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
