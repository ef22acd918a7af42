import assert from 'node:assert/strict';
import { OAuthTestClient, WEB_CLIENT } from '../../testing/client/oauth-client.ts';
import { TestBrowser } from '../../testing/client/test-browser.ts';
import { TestClient, type Json } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

onServers('the metadata names the server and its endpoints [B017]', async ({ anonymous }) => {
  const { base } = anonymous();
  const metadata = await anonymous().ok('GET', '/v1/auth_metadata');
  assert.equal(metadata.issuer, `${base}/`);
  for (const name of ['authorization', 'token', 'revocation', 'registration', 'device_authorization']) {
    assert.ok(metadata[`${name}_endpoint`].startsWith(`${base}/`), name);
  }
  assert.deepEqual(metadata.response_types_supported, ['code']);
  assert.deepEqual(metadata.response_modes_supported, ['query', 'fragment']);
  assert.deepEqual(metadata.code_challenge_methods_supported, ['S256']);
  assert.deepEqual(metadata.prompt_values_supported, ['create']);
  assert.deepEqual(metadata.grant_types_supported, [
    'authorization_code',
    'refresh_token',
    'urn:ietf:params:oauth:grant-type:device_code',
  ]);
  assert.equal(metadata.account_management_uri, `${base}/account`);
  const actions = metadata.account_management_actions_supported;
  for (const action of ['profile', 'devices_list', 'device_view', 'device_delete', 'account_deactivate']) {
    assert.ok(actions.includes(`org.matrix.${action}`), action);
  }
  assert.ok(actions.includes('org.matrix.cross_signing_reset'));
  for (const path of [
    '/unstable/org.matrix.msc2965/auth_metadata',
    '/.well-known/oauth-authorization-server',
  ]) {
    const older = await anonymous().ok('GET', path);
    assert.ok(older.account_management_actions_supported.includes('org.matrix.session_end'), path);
    assert.deepEqual({ ...older, account_management_actions_supported: actions }, metadata);
  }
});

onServers(
  'the metadata has the public address of the server [B017 partial]',
  async ({ anonymous }) => {
    const metadata = await anonymous().ok('GET', '/v1/auth_metadata');
    assert.equal(metadata.issuer, 'https://matrix.example.org/');
    const browser = new TestBrowser(anonymous().base);
    const { headers } = await browser.open('/account/sign-in');
    assert.match(headers.get('set-cookie') ?? '', /; HttpOnly; SameSite=Lax; .*; Secure$/);
  },
  { env: { MYELIN_PUBLIC_BASE_URL: 'https://matrix.example.org/' } },
);

onServers('clients register, and the same client has one ID [B018]', async ({ anonymous }) => {
  const { registration_endpoint: endpoint } = await anonymous().ok('GET', '/v1/auth_metadata');
  const register = async (body: unknown) => {
    const response = await fetch(endpoint, { method: 'POST', body: JSON.stringify(body) });
    return { status: response.status, body: (await response.json()) as Json };
  };
  const about = {
    ...WEB_CLIENT,
    'client_name#de': 'Ein Programm',
    'policy_uri#de': 'https://www.client.example.org/datenschutz',
    grant_types: [...WEB_CLIENT.grant_types, 'urn:ietf:params:oauth:grant-type:token-exchange'],
    nonsense: { a: 1 },
  };
  const { status, body } = await register(about);
  assert.equal(status, 201);
  const { client_id: id, ...registered } = body;
  const { nonsense: _, ...rest } = about;
  assert.deepEqual(registered, { ...rest, grant_types: WEB_CLIENT.grant_types });
  assert.equal((await register(about)).body.client_id, id);
  assert.notEqual((await register({ ...about, client_name: 'Another' })).body.client_id, id);
  const refused = async (change: object, error: string) => {
    const answer = await register({ ...WEB_CLIENT, ...change });
    assert.equal(answer.status, 400);
    assert.equal(answer.body.error, error);
    assert.ok(answer.body.error_description);
  };
  for (const uri of [
    undefined,
    'http://client.example.org/',
    'https://a:b@client.example.org/',
    'no address',
  ]) {
    await refused({ client_uri: uri }, 'invalid_client_metadata');
  }
  await refused({ logo_uri: 'https://elsewhere.example.org/logo.png' }, 'invalid_client_metadata');
  await refused({ token_endpoint_auth_method: 'client_secret_basic' }, 'invalid_client_metadata');
  await refused({ application_type: 'other' }, 'invalid_client_metadata');
  await refused({ redirect_uris: [] }, 'invalid_redirect_uri');
  await refused({ redirect_uris: ['https://evil.example.org/'] }, 'invalid_redirect_uri');
  const { status: asList } = await register([]);
  assert.equal(asList, 400);
});

onServers(
  'somebody signs in, allows a client, and it gets a session on its device [B019]',
  async ({ person, anonymous }) => {
    await person('alice');
    const oauth = await OAuthTestClient.register(anonymous().base);
    const browser = new TestBrowser(anonymous().base);
    await browser.open(oauth.authorizationUrl('AAABBBCCCD'));
    assert.match(browser.page.html, /Sign in/);
    await browser.submit({ user: 'alice', password: 'wrong password' });
    assert.equal(browser.page.status, 403);
    await browser.submit({ user: 'alice', password: 'alice password' });
    assert.match(browser.page.html, /A client/);
    assert.match(browser.page.html, /AAABBBCCCD/);
    assert.match(browser.page.html, /@alice:localhost/);
    const policy = browser.page.headers.get('content-security-policy') ?? '';
    assert.match(policy, /form-action 'self' https:\/\/client\.example\.org/);
    assert.match(policy, /frame-ancestors 'none'/);
    const { sentTo } = await browser.submit({ decision: 'allow' });
    const callback = new URL(sentTo ?? '');
    assert.equal(callback.origin + callback.pathname, WEB_CLIENT.redirect_uris[0]);
    const answer = new URLSearchParams(callback.hash.slice(1));
    assert.equal(answer.get('state'), 'a state');
    const { status, headers, body } = await oauth.redeem(answer.get('code') ?? '');
    assert.equal(status, 200);
    assert.equal(headers.get('cache-control'), 'no-store');
    assert.equal(body.token_type, 'Bearer');
    assert.equal(body.expires_in, 3_600);
    assert.equal(body.scope, 'urn:matrix:client:api:* urn:matrix:client:device:AAABBBCCCD');
    const client = new TestClient(anonymous().base, body.access_token);
    const me = await client.ok('GET', '/v3/account/whoami');
    assert.equal(me.user_id, '@alice:localhost');
    assert.equal(me.device_id, 'AAABBBCCCD');
    assert.equal((await client.ok('GET', '/v3/devices/AAABBBCCCD')).display_name, 'A client');
    // Signed in once, the browser asks for nothing but consent.
    const second = await oauth.redeem(await oauth.codeFrom(browser, 'nobody', 'SECONDDEVICE'));
    assert.equal(second.status, 200);
  },
);

onServers(
  'a refusal, a wrong scope and missing PKCE go back to the client, strange redirects do not [B019 partial]',
  async ({ person, anonymous }) => {
    await person('alice');
    const oauth = await OAuthTestClient.register(anonymous().base);
    const browser = new TestBrowser(anonymous().base);
    const errorOf = async (more: Record<string, string | undefined>) => {
      const { sentTo } = await browser.open(oauth.authorizationUrl('AAABBBCCCD', more));
      const parameters = new URLSearchParams(new URL(sentTo ?? '').hash.slice(1));
      assert.equal(parameters.get('state'), 'a state');
      return parameters.get('error');
    };
    const api = 'urn:matrix:client:api:*';
    const device = 'urn:matrix:client:device:';
    for (const scope of [api, `${device}ABC`, `${api} ${device}ABC ${device}DEF`, `${api} ${device}`]) {
      assert.equal(await errorOf({ scope }), 'invalid_scope', scope);
    }
    assert.equal(await errorOf({ code_challenge: undefined }), 'invalid_request');
    assert.equal(await errorOf({ code_challenge_method: 'plain' }), 'invalid_request');
    assert.equal(await errorOf({ response_type: 'token' }), 'unsupported_response_type');
    for (const more of [
      { redirect_uri: 'https://client.example.org/other' },
      { redirect_uri: undefined },
      { client_id: 'unknown' },
    ]) {
      const page = await browser.open(oauth.authorizationUrl('AAABBBCCCD', more));
      assert.equal(page.sentTo, undefined);
      assert.ok(page.status >= 400);
    }
    await browser.open(oauth.authorizationUrl('AAABBBCCCD', { response_mode: 'query' }));
    await browser.submit({ user: 'alice', password: 'alice password' });
    const { sentTo } = await browser.submit({ decision: 'deny' });
    const refused = new URL(sentTo ?? '');
    assert.equal(refused.searchParams.get('error'), 'access_denied');
    assert.equal(refused.searchParams.get('state'), 'a state');
    assert.equal(refused.hash, '');
  },
);

onServers('a long state comes back as it was [B019 partial]', async ({ person, anonymous }) => {
  await person('alice');
  const client = await OAuthTestClient.register(anonymous().base);
  const browser = new TestBrowser(anonymous().base);
  const state = 'long'.repeat(1_500);
  await browser.open(client.authorizationUrl('DEVICE', { state }));
  await browser.submit({ user: 'alice', password: 'alice password' });
  await browser.submit({ decision: 'allow' });
  const answer = new URLSearchParams(new URL(browser.page.sentTo ?? '').hash.slice(1));
  assert.equal(answer.get('state'), state);
});

onServers('the scope may have its older names [B019 partial]', async ({ person, anonymous }) => {
  await person('alice');
  const oauth = await OAuthTestClient.register(anonymous().base);
  const browser = new TestBrowser(anonymous().base);
  const old = 'urn:matrix:org.matrix.msc2967.client';
  const scope = `openid ${old}:api:* ${old}:device:OLDNAMES12`;
  await browser.open(oauth.authorizationUrl('-', { scope }));
  await browser.submit({ user: 'alice', password: 'alice password' });
  const { sentTo } = await browser.submit({ decision: 'allow' });
  const code = new URLSearchParams(new URL(sentTo ?? '').hash.slice(1)).get('code') ?? '';
  const { body } = await oauth.redeem(code);
  assert.equal(body.scope, `${old}:api:* ${old}:device:OLDNAMES12`);
  const client = new TestClient(anonymous().base, body.access_token);
  assert.equal((await client.ok('GET', '/v3/account/whoami')).device_id, 'OLDNAMES12');
});

onServers(
  'prompt=create leads to a new account, and then to consent [B019 partial]',
  async ({ anonymous }) => {
    const oauth = await OAuthTestClient.register(anonymous().base);
    const browser = new TestBrowser(anonymous().base);
    await browser.open(oauth.authorizationUrl('NEWDEVICE1', { prompt: 'create' }));
    assert.match(browser.page.html, /Make an account/);
    await browser.submit({ user: 'carol', password: 'carol password', repeated: 'another one' });
    assert.match(browser.page.html, /not the same/);
    await browser.submit({ user: 'carol', password: 'carol password', repeated: 'carol password' });
    assert.match(browser.page.html, /Allow access/);
    const { sentTo } = await browser.submit({ decision: 'allow' });
    const code = new URLSearchParams(new URL(sentTo ?? '').hash.slice(1)).get('code') ?? '';
    const { body } = await oauth.redeem(code);
    const client = new TestClient(anonymous().base, body.access_token);
    assert.equal((await client.ok('GET', '/v3/account/whoami')).user_id, '@carol:localhost');
  },
);

onServers(
  'a code is redeemed once, by its client, with its verifier; a second time ends the session [B019 partial]',
  async ({ person, anonymous }) => {
    await person('alice');
    const oauth = await OAuthTestClient.register(anonymous().base);
    const other = await OAuthTestClient.register(anonymous().base, { ...WEB_CLIENT, client_name: 'Other' });
    const code = await oauth.codeFrom(new TestBrowser(anonymous().base), 'alice', 'ONCEDEVICE');
    for (const [more, error] of [
      [{ code_verifier: 'x'.repeat(43) }, 'invalid_grant'],
      [{ redirect_uri: 'https://client.example.org/other' }, 'invalid_grant'],
      [{ client_id: other.clientId }, 'invalid_grant'],
      [{ client_id: 'unknown' }, 'invalid_client'],
      [{ grant_type: 'password' }, 'unsupported_grant_type'],
      [{ code: '' }, 'invalid_request'],
    ] as const) {
      const { status, body } = await oauth.redeem(code, more);
      assert.equal(status, error === 'invalid_client' ? 401 : 400);
      assert.equal(body.error, error);
    }
    const answers = await Promise.all([oauth.redeem(code), oauth.redeem(code), oauth.redeem(code)]);
    assert.equal(answers.filter(({ status }) => status === 200).length, 1);
    assert.equal((await oauth.redeem(code)).body.error, 'invalid_grant');
    const token = answers.find(({ status }) => status === 200)?.body.access_token;
    await new TestClient(anonymous().base, token).fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
  },
);

onServers(
  'what needs interactive authentication is refused to OAuth clients, but for cross-signing [B010 partial] [B022 partial]',
  async ({ person, anonymous }) => {
    await person('alice');
    const oauth = await OAuthTestClient.register(anonymous().base);
    const { client } = await oauth.signIn('alice', 'OAUTHDEVICE');
    const auth = { type: 'm.login.password', user: 'alice', password: 'alice password' };
    const refused: [string, string, object][] = [
      ['POST', '/v3/account/password', { new_password: 'another password', auth }],
      ['POST', '/v3/account/deactivate', { auth }],
      ['POST', '/v3/delete_devices', { devices: ['OAUTHDEVICE'], auth }],
      ['DELETE', '/v3/devices/OAUTHDEVICE', { auth }],
      ['POST', '/v1/login/get_token', { auth }],
      ['POST', '/v3/account/3pid/add', { sid: 's', client_secret: 'c', auth }],
    ];
    for (const [method, path, body] of refused) await client.fails(403, 'M_FORBIDDEN', method, path, body);
    const { capabilities } = await client.ok('GET', '/v3/capabilities');
    for (const name of ['m.change_password', 'm.3pid_changes', 'm.get_login_token']) {
      assert.equal(capabilities[name].enabled, false, name);
    }
    const keys = (name: string) => ({
      master_key: {
        user_id: '@alice:localhost',
        usage: ['master'],
        keys: { [`ed25519:${name}`]: name },
      },
    });
    const path = '/v3/keys/device_signing/upload';
    await client.ok('POST', path, keys('A'.repeat(43)));
    const asked = await client.ask('POST', path, keys('B'.repeat(43)));
    assert.equal(asked.status, 401);
    assert.deepEqual(asked.body.flows, [{ stages: ['m.oauth'] }]);
    const { session } = asked.body;
    assert.equal(
      (await client.ask('POST', path, { ...keys('B'.repeat(43)), auth: { session } })).status,
      401,
    );
    const browser = new TestBrowser(anonymous().base);
    await browser.open(asked.body.params['m.oauth'].url);
    await browser.submit({ user: 'alice', password: 'alice password' });
    assert.match(browser.page.html, /Reset your cryptographic identity/);
    await browser.submit({});
    assert.match(browser.page.html, /allowed for ten minutes/);
    await client.ok('POST', path, { ...keys('B'.repeat(43)), auth: { session } });
    assert.equal((await client.ask('POST', path, keys('C'.repeat(43)))).status, 401, 'it is allowed once');
  },
);
