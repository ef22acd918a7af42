import assert from 'node:assert/strict';
import { atIdentityServer } from '../../testing/identity/identity-client.ts';
import { ENV, sink, V2 } from '../../testing/identity/identity-scene.ts';
import type { TestClient } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

onServers(
  'the identity service tells its versions, and knows who comes with an OpenID token until they log out [B126]',
  async (s) => {
    const alice = await s.person('alice');
    const nobody = s.anonymous();
    const { versions } = await nobody.ok('GET', '/_matrix/identity/versions');
    assert.ok(versions.includes('v1.1') && versions.includes('v1.18'));
    assert.deepEqual(await nobody.ok('GET', V2), {});
    const known = await atIdentityServer(alice);
    assert.deepEqual(await known.ok('GET', `${V2}/account`), { user_id: alice.userId });

    const forged = { token_type: 'Bearer', expires_in: 3600, matrix_server_name: 'localhost' };
    const register = { ...forged, access_token: 'forged' };
    await nobody.fails(401, 'M_UNAUTHORIZED', 'POST', `${V2}/account/register`, register);
    await nobody.fails(400, 'M_INVALID_PARAM', 'POST', `${V2}/account/register`, {
      ...register,
      matrix_server_name: 'no server',
    });
    const inside = { ...register, matrix_server_name: '10.0.0.1' };
    await nobody.fails(502, 'M_UNKNOWN', 'POST', `${V2}/account/register`, inside);
    await nobody.fails(401, 'M_UNAUTHORIZED', 'GET', `${V2}/account`);
    await known.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    await alice.fails(401, 'M_UNAUTHORIZED', 'GET', `${V2}/account`);
    const inQuery = `${V2}/account?access_token=${known.token}`;
    await nobody.fails(401, 'M_UNAUTHORIZED', 'GET', inQuery);

    await s.restart();
    const later = s.anonymous();
    later.token = known.token;
    await later.ok('GET', `${V2}/account`);
    assert.deepEqual(await later.ok('POST', `${V2}/account/logout`), {});
    await later.fails(401, 'M_UNAUTHORIZED', 'GET', `${V2}/account`);
    await later.fails(401, 'M_UNKNOWN_TOKEN', 'POST', `${V2}/account/logout`);
  },
  { env: ENV },
);

onServers(
  'nothing is done for who has not agreed to the terms, in any language [B127]',
  async (s) => {
    const alice = await atIdentityServer(await s.person('alice'));
    const { policies } = await s.anonymous().ok('GET', `${V2}/terms`);
    assert.deepEqual(policies, {
      privacy: {
        version: '2',
        en: { name: 'Privacy', url: 'https://example.org/en' },
        de: { name: 'Datenschutz', url: 'https://example.org/de' },
      },
      rules: { version: '1', en: { name: 'Rules', url: 'https://example.org/rules' } },
    });
    for (const path of ['/account', '/hash_details', '/3pid/getValidated3pid?sid=a&client_secret=b']) {
      await alice.fails(403, 'M_TERMS_NOT_SIGNED', 'GET', V2 + path);
    }
    await alice.ok('POST', `${V2}/terms`, { user_accepts: ['https://example.org/de', 'https://other.org'] });
    await alice.fails(403, 'M_TERMS_NOT_SIGNED', 'GET', `${V2}/account`);
    await alice.ok('POST', `${V2}/terms`, { user_accepts: ['https://example.org/rules'] });
    await alice.ok('GET', `${V2}/account`);
    await s.anonymous().fails(401, 'M_UNAUTHORIZED', 'POST', `${V2}/terms`, { user_accepts: [] });
    const again = await atIdentityServer(Object.assign(s.anonymous(), await relogin(s.anonymous(), 'alice')));
    await again.ok('GET', `${V2}/hash_details`);
    const hasty = await atIdentityServer(await s.person('hasty'));
    await hasty.ok('POST', `${V2}/account/logout`);
  },
  {
    env: {
      ...ENV,
      MYELIN_IDENTITY_POLICIES:
        'privacy|2|en|Privacy|https://example.org/en,privacy|2|de|Datenschutz|https://example.org/de,rules|1|en|Rules|https://example.org/rules',
    },
  },
);

async function relogin(client: TestClient, name: string): Promise<{ token: string; userId: string }> {
  const identifier = { type: 'm.id.user', user: name };
  const wish = { type: 'm.login.password', identifier, password: `${name} password` };
  const { access_token: token, user_id: userId } = await client.ok('POST', '/v3/login', wish);
  return { token, userId };
}

onServers(
  'what is asked of the identity service is limited by address, and what is sent by who gets it',
  async (s) => {
    const alice = await atIdentityServer(await s.person('alice'));
    await alice.ok('GET', `${V2}/account`);
    await alice.ok('GET', `${V2}/account`);
    const limited = await alice.fails(429, 'M_LIMIT_EXCEEDED', 'GET', `${V2}/account`);
    assert.ok(limited.retry_after_ms > 0);
    const nobody = s.anonymous();
    await nobody.fails(429, 'M_LIMIT_EXCEEDED', 'GET', `${V2}/terms`);
    const to = `much-${s.place.engine}@example.org`;
    const ask = (i: number) => ({ client_secret: `secret${i}`, email: to, send_attempt: 1 });
    for (let i = 0; i < 5; i++) await alice.ok('POST', `${V2}/validate/email/requestToken`, ask(i));
    await alice.fails(429, 'M_LIMIT_EXCEEDED', 'POST', `${V2}/validate/email/requestToken`, ask(5));
    assert.equal(sink.count(to), 5);
  },
  {
    env: {
      ...ENV,
      MYELIN_LIMITS_ENABLED: 'true',
      MYELIN_LIMITS_IDENTITY_PER_SECOND: '0.01',
      MYELIN_LIMITS_IDENTITY_BURST: '2',
    },
  },
);
