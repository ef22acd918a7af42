import assert from 'node:assert/strict';
import { openPlaceDatabase } from '../../../testing/server/place-database.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { UnitOfWork } from '../../../storage/unit-of-work.ts';
import * as registrationTokensStore from '../../../storage/accounts/registration-tokens-store.ts';

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
