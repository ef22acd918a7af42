import assert from 'node:assert/strict';
import { openPlaceDatabase } from '../../../testing/server/place-database.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { UnitOfWork } from '../../../storage/unit-of-work.ts';
import * as registrationTokensStore from '../../../storage/accounts/registration-tokens-store.ts';
import { TestClient } from '../../../testing/client/test-client.ts';

onServers(
  'a weak password or a bad device ID does not use up the stages done [B010 partial]',
  async ({ anonymous }) => {
    const client = anonymous();
    const wanted = { username: 'alice', password: 'a good password' };
    const { body } = await client.ask('POST', '/v3/register', wanted);
    const auth = { type: 'm.login.dummy', session: body.session };
    const weak = { ...wanted, password: 'short', auth };
    await client.fails(400, 'M_WEAK_PASSWORD', 'POST', '/v3/register', weak);
    const nul = { ...wanted, device_id: 'a\0b', auth };
    await client.fails(400, 'M_INVALID_PARAM', 'POST', '/v3/register', nul);
    const made = await client.ok('POST', '/v3/register', { ...wanted, device_id: '', auth });
    assert.ok(made.device_id);
  },
);

onServers(
  'how long a password must be is configured',
  async ({ anonymous }) => {
    const wanted = { auth: { type: 'm.login.dummy' }, username: 'alice', password: 'four' };
    const { error } = await anonymous().fails(400, 'M_WEAK_PASSWORD', 'POST', '/v3/register', wanted);
    assert.match(error, /5 to 512/);
    await anonymous().ok('POST', '/v3/register', { ...wanted, password: 'fiver' });
  },
  { env: { MYELIN_PASSWORDS_MIN_LENGTH: '5' } },
);

onServers(
  'a registration token is good for as many accounts as it says [B010 partial]',
  async ({ anonymous, place }) => {
    const database = await openPlaceDatabase(place);
    const unit = new UnitOfWork();
    registrationTokensStore.insert(unit, 'twice', { uses: 2, expiresAt: undefined });
    registrationTokensStore.insert(unit, 'late', { uses: undefined, expiresAt: Date.now() - 1 });
    await database.commit(unit);
    await database.close();
    const register = (username: string, token: string) =>
      anonymous().ask('POST', '/v3/register', {
        username,
        password: 'a good password',
        auth: { type: 'm.login.registration_token', token },
      });
    assert.equal((await register('late', 'late')).body.errcode, 'M_UNAUTHORIZED');
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map((name) => register(name, 'twice')));
    assert.deepEqual(answers.map((answer) => answer.body.errcode ?? 'made').sort(), [
      'M_UNAUTHORIZED',
      'M_UNAUTHORIZED',
      'made',
      'made',
    ]);
    const validity = '/v1/register/m.login.registration_token/validity?token=';
    assert.equal((await anonymous().ok('GET', `${validity}twice`)).valid, false);
  },
  { env: { MYELIN_REGISTRATION_REQUIRES_TOKEN: 'true' } },
);

onServers(
  'no registration token is any good where registration is closed [B010 partial]',
  async ({ anonymous, restart }) => {
    const validity = '/v1/register/m.login.registration_token/validity?token=let-me-in';
    assert.equal((await anonymous().ok('GET', validity)).valid, true);
    await restart({ MYELIN_REGISTRATION_ENABLED: 'false' });
    await anonymous().fails(403, 'M_FORBIDDEN', 'GET', validity);
  },
  { env: { MYELIN_REGISTRATION_REQUIRES_TOKEN: 'true', MYELIN_REGISTRATION_TOKENS: 'let-me-in' } },
);

onServers(
  'an account is registered in stages, and its name is taken then [B010] [B011]',
  async ({ anonymous }) => {
    const client = anonymous();
    await client.ok('GET', '/v3/register/available?username=alice');
    const first = await client.ask('POST', '/v3/register', {
      username: 'alice',
      password: 'a good password',
    });
    assert.equal(first.status, 401);
    assert.deepEqual(first.body.flows, [{ stages: ['m.login.dummy'] }]);
    assert.equal(first.body.errcode, undefined);
    const auth = { type: 'm.login.dummy', session: first.body.session };
    const done = await client.ok('POST', '/v3/register', {
      username: 'alice',
      password: 'a good password',
      auth,
    });
    assert.equal(done.user_id, '@alice:localhost');
    assert.ok(done.access_token && done.device_id);
    await client.fails(400, 'M_USER_IN_USE', 'GET', '/v3/register/available?username=Alice');
    await client.fails(400, 'M_USER_IN_USE', 'POST', '/v3/register', {
      username: 'alice',
      password: 'x'.repeat(9),
      auth,
    });
    await client.fails(400, 'M_INVALID_USERNAME', 'GET', '/v3/register/available?username=a%20b');
    const weak = { username: 'weak', password: 'short', auth: { type: 'm.login.dummy' } };
    await client.fails(400, 'M_WEAK_PASSWORD', 'POST', '/v3/register', weak);
    await client.fails(400, 'M_UNKNOWN', 'POST', '/v3/register', {
      username: 'x',
      password: 'long enough',
      auth: { type: 'm.login.dummy', session: 'made up' },
    });
  },
);

onServers('a name is registered once, however many try at a time [B011 partial]', async ({ anonymous }) => {
  const tries = Array.from({ length: 8 }, () =>
    anonymous().ask('POST', '/v3/register', {
      username: 'same',
      password: 'a good password',
      auth: { type: 'm.login.dummy' },
    }),
  );
  const statuses = (await Promise.all(tries)).map((answer) => answer.status).sort();
  assert.deepEqual(statuses, [200, ...new Array<number>(7).fill(400)]);
});

onServers(
  'inhibit_login registers without a session, and guests come in where they may [B011] [B009] [B049 partial]',
  async ({ anonymous }) => {
    const auth = { type: 'm.login.dummy' };
    const body = { username: 'quiet', password: 'a good password', auth, inhibit_login: true };
    const answer = await anonymous().ok('POST', '/v3/register', body);
    assert.equal(answer.access_token, undefined);
    assert.equal(answer.user_id, '@quiet:localhost');
    const guest = await anonymous().ok('POST', '/v3/register?kind=guest', {});
    const client = new TestClient(anonymous().base, guest.access_token);
    assert.equal((await client.ok('GET', '/v3/account/whoami')).is_guest, true);
    await client.fails(403, 'M_GUEST_ACCESS_FORBIDDEN', 'POST', '/v3/createRoom', {});
  },
  { env: { MYELIN_REGISTRATION_GUESTS: 'true' } },
);

onServers(
  'registration by token [B010 partial] [B011 partial]',
  async ({ anonymous }) => {
    const client = anonymous();
    const validity = (token: string) =>
      client.ok('GET', `/v1/register/m.login.registration_token/validity?token=${token}`);
    assert.equal((await validity('letmein')).valid, true);
    assert.equal((await validity('other')).valid, false);
    const register = (auth: object) =>
      client.ask('POST', '/v3/register', { username: 'tom', password: 'a good password', auth });
    const wrong = await register({ type: 'm.login.registration_token', token: 'other' });
    assert.equal(wrong.status, 401);
    assert.equal(wrong.body.errcode, 'M_UNAUTHORIZED');
    assert.ok(wrong.body.session);
    assert.equal((await register({ type: 'm.login.dummy' })).status, 401);
    const right = await register({
      type: 'm.login.registration_token',
      token: 'letmein',
      session: wrong.body.session,
    });
    assert.equal(right.status, 200);
  },
  { env: { MYELIN_REGISTRATION_REQUIRES_TOKEN: 'true', MYELIN_REGISTRATION_TOKENS: 'letmein' } },
);

onServers(
  'a registration token is valid at each process for as long as its configuration has it [B010 partial]',
  async (s) => {
    const isValid = async (url: string, token: string) =>
      (await new TestClient(url).ok('GET', `/v1/register/m.login.registration_token/validity?token=${token}`))
        .valid as boolean;
    const register = (username: string, auth: object) =>
      s.anonymous().ask('POST', '/v3/register', { username, password: 'a good password', auth });
    const withToken = (token: string) => ({ type: 'm.login.registration_token', token });
    assert.equal(await isValid(s.server.url, 'old'), true);
    const half = (await register('half', withToken('old'))).body.session as string;
    await s.restart({ MYELIN_REGISTRATION_TOKENS: 'kept' });
    assert.equal(await isValid(s.server.url, 'old'), false);
    assert.equal((await register('late', withToken('old'))).body.errcode, 'M_UNAUTHORIZED');
    const refused = await register('half', { type: 'm.login.terms', session: half });
    assert.deepEqual([refused.status, refused.body.errcode], [401, 'M_UNAUTHORIZED'], 'proven in time');
    const other = await s.another({ MYELIN_REGISTRATION_TOKENS: 'old' });
    if (other !== s.server) assert.equal(await isValid(other.url, 'old'), true);
    assert.equal(await isValid(s.server.url, 'old'), false, 'whatever other processes have');
    const { session } = (await register('kept', withToken('kept'))).body;
    assert.equal((await register('kept', { type: 'm.login.terms', session })).status, 200);
  },
  {
    env: {
      MYELIN_REGISTRATION_REQUIRES_TOKEN: 'true',
      MYELIN_REGISTRATION_TOKENS: 'old,kept',
      MYELIN_TERMS_POLICIES: 'privacy|1.0|en|Privacy policy|https://example.org/p',
    },
  },
);
