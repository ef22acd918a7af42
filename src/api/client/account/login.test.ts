import assert from 'node:assert/strict';
import type { UserId } from '../../../protocol/identifiers.ts';
import * as usersStore from '../../../storage/accounts/users-store.ts';
import { openPlaceDatabase } from '../../../testing/server/place-database.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { TestBrowser } from '../../../testing/client/test-browser.ts';
import { TestClient, type Json } from '../../../testing/client/test-client.ts';

onServers(
  'a login token of an account closed since opens nothing [B012 partial]',
  async ({ person, anonymous }) => {
    const alice = await person('alice');
    const auth = { type: 'm.login.password', user: 'alice', password: 'alice password' };
    const { login_token: token } = await alice.ok('POST', '/v1/login/get_token', { auth });
    await alice.ok('POST', '/v3/account/deactivate', { auth });
    await anonymous().fails(403, 'M_USER_DEACTIVATED', 'POST', '/v3/login', { type: 'm.login.token', token });
  },
);

onServers(
  'a login token used by many at once opens one session [B012 partial]',
  async ({ person, anonymous }) => {
    const alice = await person('alice');
    const auth = { type: 'm.login.password', user: 'alice', password: 'alice password' };
    const { login_token: token } = await alice.ok('POST', '/v1/login/get_token', { auth });
    const tries = Array.from({ length: 6 }, () =>
      anonymous().ask('POST', '/v3/login', { type: 'm.login.token', token }),
    );
    const statuses = (await Promise.all(tries)).map((answer) => answer.status).sort();
    assert.deepEqual(statuses, [200, 403, 403, 403, 403, 403]);
  },
);

onServers(
  'a long device name is cut at login, and refused later [B043 partial]',
  async ({ person, anonymous }) => {
    await person('alice');
    const session = await anonymous().ok('POST', '/v3/login', {
      type: 'm.login.password',
      user: 'alice',
      password: 'alice password',
      device_id: 'LONG',
      initial_device_display_name: 'n'.repeat(5_000),
    });
    const client = new TestClient(anonymous().base, session.access_token);
    const device = await client.ok('GET', '/v3/devices/LONG');
    assert.equal(device.display_name, 'n'.repeat(100));
    const name = { display_name: 'n'.repeat(101) };
    assert.equal((await client.ask('PUT', '/v3/devices/LONG', name)).status, 400);
  },
);

onServers(
  'too many password checks of an account are 429, in login and in the password stage [B012 partial]',
  async ({ person, anonymous }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const wrong = { type: 'm.login.password', user: 'alice', password: 'wrong password' };
    for (let i = 0; i < 3; i++) await anonymous().fails(403, 'M_FORBIDDEN', 'POST', '/v3/login', wrong);
    const limited = await anonymous().fails(429, 'M_LIMIT_EXCEEDED', 'POST', '/v3/login', wrong);
    assert.ok(limited.retry_after_ms > 0);
    await alice.fails(429, 'M_LIMIT_EXCEEDED', 'POST', '/v3/account/deactivate', { auth: wrong });
    const auth = { type: 'm.login.password', user: 'bob', password: 'bob password' };
    await bob.ok('POST', '/v3/account/deactivate', { auth });
  },
  {
    env: {
      MYELIN_LIMITS_ENABLED: 'true',
      MYELIN_LIMITS_FAILED_LOGIN_PER_SECOND: '0.001',
      MYELIN_LIMITS_FAILED_LOGIN_BURST: '3',
    },
  },
);

const cost: Record<string, string> = {};
onServers(
  'a password is hashed anew when its owner logs in after the configured cost changed [B012 partial]',
  async (s) => {
    cost.MYELIN_PASSWORDS_ITERATIONS = '1';
    await s.restart();
    await s.person('alice');
    const hash = async () => {
      const database = await openPlaceDatabase(s.place);
      try {
        return (await usersStore.byId(database, '@alice:localhost' as UserId))?.password_hash ?? '';
      } finally {
        await database.close();
      }
    };
    const login = (password: string) =>
      s.anonymous().ask('POST', '/v3/login', { type: 'm.login.password', user: 'alice', password });
    const first = await hash();
    assert.match(first, /,t=1,/);
    assert.equal((await login('alice password')).status, 200);
    assert.equal(await hash(), first, 'there is no reason to do it again');
    cost.MYELIN_PASSWORDS_ITERATIONS = '2';
    await s.restart();
    assert.equal((await login('wrong password')).status, 403);
    assert.equal(await hash(), first);
    assert.equal((await login('alice password')).status, 200);
    assert.match(await hash(), /,t=2,/);
    assert.equal((await login('alice password')).status, 200);
    assert.equal((await login('wrong password')).status, 403);
  },
  { env: cost },
);

onServers('login with every form of identifier [B012]', async ({ person, anonymous }) => {
  await person('alice');
  const password = 'alice password';
  const flows = await anonymous().ok('GET', '/v3/login');
  assert.deepEqual(
    flows.flows.map((flow: Json) => flow.type),
    ['m.login.password', 'm.login.sso', 'm.login.token', 'm.login.application_service'],
  );
  for (const identifier of [
    { type: 'm.id.user', user: 'alice' },
    { type: 'm.id.user', user: '@alice:localhost' },
  ]) {
    const body = await anonymous().ok('POST', '/v3/login', {
      type: 'm.login.password',
      identifier,
      password,
    });
    assert.equal(body.user_id, '@alice:localhost');
  }
  await anonymous().ok('POST', '/r0/login', { type: 'm.login.password', user: 'alice', password });
  const fails = (body: object, status = 403, errcode = 'M_FORBIDDEN') =>
    anonymous().fails(status, errcode, 'POST', '/v3/login', { type: 'm.login.password', password, ...body });
  await fails({ identifier: { type: 'm.id.thirdparty', medium: 'email', address: 'a@example.org' } });
  await fails({ identifier: { type: 'm.id.phone', country: 'GB', phone: '123' } });
  await fails({ identifier: { type: 'm.id.user', user: 'nobody' } });
  await fails({ identifier: { type: 'm.id.user', user: 'alice' }, password: 'wrong password' });
  await fails({ type: 'm.login.magic' }, 400, 'M_UNKNOWN');
  await fails({}, 400, 'M_BAD_JSON');
});

onServers(
  'a second login on a device ends its first session [B012] [B009]',
  async ({ person, anonymous }) => {
    const alice = await person('alice');
    const identifier = { type: 'm.id.user', user: 'alice' };
    const login = {
      type: 'm.login.password',
      identifier,
      password: 'alice password',
      device_id: alice.deviceId,
    };
    const again = await anonymous().ok('POST', '/v3/login', login);
    assert.equal(again.device_id, alice.deviceId);
    const error = await alice.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    assert.equal(error.soft_logout, false);
    alice.token = again.access_token;
    const me = await alice.ok('GET', '/v3/account/whoami');
    assert.deepEqual(me, { user_id: '@alice:localhost', device_id: alice.deviceId, is_guest: false });
  },
);

onServers(
  'a login token opens one session on another device [B012 partial]',
  async ({ person, anonymous }) => {
    const alice = await person('alice');
    const auth = { type: 'm.login.password', user: 'alice', password: 'alice password' };
    const { login_token: token } = await alice.ok('POST', '/v1/login/get_token', { auth });
    const session = await anonymous().ok('POST', '/v3/login', { type: 'm.login.token', token });
    assert.equal(session.user_id, alice.userId);
    await anonymous().fails(403, 'M_FORBIDDEN', 'POST', '/v3/login', { type: 'm.login.token', token });
  },
);

onServers(
  'a session of interactive authentication that is used by many at once makes one login token [B010 partial] [B012 partial]',
  async ({ person }) => {
    const alice = await person('alice');
    const path = '/v1/login/get_token';
    // Whether they meet depends on the moment.
    for (let i = 0; i < 8; i++) {
      const { session } = (await alice.ask('POST', path, {})).body;
      const browser = new TestBrowser(alice.base);
      await browser.open(`/_matrix/client/v3/auth/m.login.sso/fallback/web?session=${session}`);
      await browser.submit({ password: 'alice password' });
      const tries = Array.from({ length: 20 }, () => alice.ask('POST', path, { auth: { session } }));
      const statuses = (await Promise.all(tries)).map(({ status }) => status);
      assert.equal(statuses.filter((status) => status === 200).length, 1);
      assert.ok(statuses.every((status) => status === 200 || status === 400));
    }
  },
);
