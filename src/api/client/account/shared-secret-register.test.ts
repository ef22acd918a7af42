import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { systemClock } from '../../../platform/clock.ts';
import { TestClient, type Answer } from '../../../testing/client/test-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';

const REGISTER = '/_synapse/admin/v1/register';
let later = 0;

onServers(
  'who knows the secret makes users and administrators, each with a nonce of their own [B147]',
  async ({ anonymous }) => {
    const client = anonymous();
    const nonce = async (): Promise<string> => (await client.ok('GET', REGISTER)).nonce as string;
    const register = (asked: object, secret = 'sesame'): Promise<Answer> => {
      const { nonce: given, username, password, admin } = asked as Record<string, string>;
      const role = admin ? 'admin' : 'notadmin';
      const text = [given, username, password, role].join('\0');
      const mac = createHmac('sha1', secret).update(text).digest('hex');
      return client.ask('POST', REGISTER, { ...asked, mac });
    };
    const password = 'a good password';
    const root = { username: 'root', password, admin: true };
    assert.equal((await register({ ...root, nonce: await nonce() }, 'guessed')).status, 403);
    const used = await nonce();
    const made = await register({ ...root, nonce: used });
    assert.equal(made.status, 200, JSON.stringify(made.body));
    assert.equal(made.body.user_id, '@root:localhost');
    const again = await register({ username: 'other', password, nonce: used });
    assert.equal(again.body.errcode, 'M_BAD_JSON', 'a nonce is used once');
    const taken = await register({ ...root, nonce: await nonce() });
    assert.equal(taken.body.errcode, 'M_USER_IN_USE');
    const old = await nonce();
    later += 61_000;
    assert.equal((await register({ username: 'late', password, nonce: old })).body.errcode, 'M_BAD_JSON');

    const displayname = 'Bob of the bakery';
    const user = await register({ username: 'bob', password, displayname, nonce: await nonce() });
    const bob = new TestClient(client.base, user.body.access_token);
    const unset = { displayname: null, user_type: null };
    const carol = await register({ username: 'carol', password, ...unset, nonce: await nonce() });
    assert.equal(
      carol.body.user_id,
      '@carol:localhost',
      'register_new_matrix_user says so of what is not set',
    );
    assert.equal((await bob.ok('GET', '/v3/profile/@bob:localhost/displayname')).displayname, displayname);
    const login = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'bob' }, password };
    await client.ok('POST', '/v3/login', login);
    const admin = new TestClient(client.base, made.body.access_token);
    const whois = '/v3/admin/whois/';
    assert.equal((await admin.ok('GET', `${whois}@bob:localhost`)).user_id, '@bob:localhost');
    await bob.fails(403, 'M_FORBIDDEN', 'GET', `${whois}@root:localhost`);
  },
  {
    env: { MYELIN_REGISTRATION_ENABLED: 'false', MYELIN_REGISTRATION_SHARED_SECRET: 'sesame' },
    overrides: { clock: { ...systemClock, now: () => systemClock.now() + later } },
  },
);

onServers(
  'NUL in a password cannot make the code of a user stand for an administrator [B011 partial]',
  async ({ anonymous }) => {
    const client = anonymous();
    const { nonce } = await client.ok('GET', REGISTER);
    const asUser = `${nonce}\0mallory\0long password\0admin\0notadmin`;
    const mac = createHmac('sha1', 'sesame').update(asUser).digest('hex');
    const username = 'mallory';
    const admin = { nonce, username, password: 'long password', admin: true, user_type: 'notadmin', mac };
    await client.fails(400, 'M_INVALID_PARAM', 'POST', REGISTER, admin);
    const user = { nonce, username, password: 'long password\0admin', mac };
    await client.fails(400, 'M_INVALID_PARAM', 'POST', REGISTER, user);
  },
  { env: { MYELIN_REGISTRATION_SHARED_SECRET: 'sesame' } },
);

onServers(
  'closed registration refuses, the shared secret opens it [B011 partial]',
  async ({ anonymous }) => {
    const client = anonymous();
    await client.fails(403, 'M_FORBIDDEN', 'POST', '/v3/register', {
      username: 'a',
      password: 'a good password',
    });
    const { nonce } = await client.ok('GET', '/_synapse/admin/v1/register');
    const mac = (text: string) => createHmac('sha1', 'sesame').update(text).digest('hex');
    const asked = { nonce, username: 'root', password: 'a good password', admin: true };
    await client.fails(403, 'M_FORBIDDEN', 'POST', '/_synapse/admin/v1/register', {
      ...asked,
      mac: mac('wrong'),
    });
    const second = await client.ok('GET', '/_synapse/admin/v1/register');
    const right = mac(`${second.nonce}\0root\0a good password\0admin`);
    const made = await client.ok('POST', '/_synapse/admin/v1/register', {
      ...asked,
      nonce: second.nonce,
      mac: right,
    });
    assert.equal(made.user_id, '@root:localhost');
    await client.fails(400, 'M_BAD_JSON', 'POST', '/_synapse/admin/v1/register', {
      ...asked,
      nonce: second.nonce,
      mac: right,
    });
  },
  { env: { MYELIN_REGISTRATION_ENABLED: 'false', MYELIN_REGISTRATION_SHARED_SECRET: 'sesame' } },
);

onServers('the shared-secret endpoint is not there unless a secret is set', async ({ anonymous }) => {
  await anonymous().fails(404, 'M_UNRECOGNIZED', 'GET', '/_synapse/admin/v1/register');
});

onServers(
  'as many register by the secret at once as the limit says',
  async ({ anonymous }) => {
    const client = anonymous();
    const register = async (username: string) => {
      const { nonce } = await client.ok('GET', REGISTER);
      const asked = { nonce, username, password: 'a good password' };
      const text = `${nonce}\0${username}\0a good password\0notadmin`;
      const mac = createHmac('sha1', 'sesame').update(text).digest('hex');
      return (await client.ask('POST', REGISTER, { ...asked, mac })).status;
    };
    assert.deepEqual(
      [await register('a'), await register('b'), await register('c'), await register('d')],
      [200, 200, 200, 429],
    );
  },
  {
    env: {
      ...{ MYELIN_REGISTRATION_SHARED_SECRET: 'sesame', MYELIN_LIMITS_ENABLED: 'true' },
      ...{ MYELIN_LIMITS_REGISTRATION_BURST: '3', MYELIN_LIMITS_REGISTRATION_PER_SECOND: '0.001' },
    },
  },
);
