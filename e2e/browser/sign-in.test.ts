import assert from 'node:assert/strict';
import { randomBytes } from 'node:crypto';
import { mock } from 'node:test';
import { createClient } from 'matrix-js-sdk';
import { OAuth2, OAuthGrantType } from 'matrix-js-sdk/lib/oauth/index.js';
import { TestClient } from '../../src/testing/client/test-client.ts';
import { clientPage, fillIn, inBrowser, status } from './pages.ts';

const CLIENT = {
  client_name: 'A native client',
  client_uri: 'https://client.example.org/',
  application_type: 'native' as const,
  token_endpoint_auth_method: 'none',
  response_types: ['code'] as [string],
  grant_types: Object.values(OAuthGrantType) as [string, ...string[]],
};

for (const name of ['debug', 'log', 'info', 'warn'] as const) mock.method(console, name, () => undefined);

/** The SDK's client of the server's OAuth 2.0 API, registered. */
async function sdkClient(baseUrl: string, redirectUri: string): Promise<OAuth2> {
  const metadata = await createClient({ baseUrl }).getAuthMetadata();
  const clientId = await OAuth2.registerClient(metadata, {
    ...CLIENT,
    redirect_uris: [redirectUri.replace(/:\d+/, '')],
  });
  return new OAuth2(metadata, { clientId, deviceId: randomBytes(8).toString('hex') });
}

function whoami(baseUrl: string, token: string) {
  return new TestClient(baseUrl, token).ok('GET', '/v3/account/whoami');
}

inBrowser(
  'the client SDK signs somebody in, by the pages of the server [B019 partial] [B021 partial]',
  async ({ url, person, visitor }) => {
    await person('alice');
    const client = await clientPage();
    const oauth = await sdkClient(url, client.url);
    const { page } = await visitor();
    await page.goto(await oauth.generateAuthorizationCodeGrantUrl('a state', client.url, 'query'));
    await fillIn(page, { 'User name or mail address': 'alice', Password: 'wrong password' }, 'Sign in');
    assert.match(await page.getByRole('alert').innerText(), /wrong/);
    await fillIn(page, { Password: 'alice password' }, 'Sign in');
    await page.getByText('A native client').waitFor();
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    await page.waitForURL(`${client.url}?*`);
    const answer = new URL(page.url()).searchParams;
    assert.equal(answer.get('state'), 'a state');
    const tokens = await oauth.completeAuthorizationCodeGrant(answer.get('code') ?? '', client.url);
    const me = await whoami(url, tokens.access_token);
    assert.equal(me.user_id, '@alice:localhost');
    assert.equal(me.device_id, oauth.context.deviceId);
    const refreshed = await oauth.performRefreshTokenGrant(tokens.refresh_token ?? '');
    await whoami(url, refreshed.access_token);
    await oauth.revokeToken(refreshed.access_token, 'access_token');
    const ended = new TestClient(url, refreshed.access_token);
    await ended.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    client.close();
  },
);

inBrowser(
  'somebody makes an account on the pages, and refuses a client [B019 partial]',
  async ({ url, visitor }) => {
    const client = await clientPage();
    const oauth = await sdkClient(url, client.url);
    const { page } = await visitor();
    await page.goto(
      await oauth.generateAuthorizationCodeGrantUrl('a state', client.url, 'fragment', 'create'),
    );
    const fields = {
      'User name': 'carol',
      Password: 'carol password',
      'The password again': 'carol password',
    };
    await fillIn(page, fields, 'Make the account');
    await page.getByText('@carol:localhost').waitFor();
    await page.getByRole('button', { name: 'Refuse' }).click();
    await page.waitForURL(`${client.url}#*`);
    assert.match(page.url(), /#.*error=access_denied/);
    client.close();
  },
);

inBrowser(
  'the client SDK signs a device in that has no browser [B020 partial]',
  async ({ url, person, visitor }) => {
    await person('alice');
    const oauth = await sdkClient(url, 'http://127.0.0.1/callback');
    const started = await oauth.startDeviceAuthorizationGrant();
    const tokens = oauth.waitForDeviceAuthorizationGrant(started);
    const { page } = await visitor();
    await page.goto(started.verification_uri);
    await fillIn(page, { 'User name or mail address': 'alice', Password: 'alice password' }, 'Sign in');
    await fillIn(page, { 'Code that the other device shows': started.user_code }, 'Go on');
    await page.getByText(started.user_code).waitFor();
    await page.getByRole('button', { name: 'Allow', exact: true }).click();
    assert.match(await status(page), /Go on with your other device/);
    const granted = await tokens;
    assert.ok('access_token' in granted, JSON.stringify(granted));
    assert.equal((await whoami(url, granted.access_token)).device_id, oauth.context.deviceId);
  },
);

inBrowser(
  'a client of the legacy API gets a login token after the person confirmed it [B076 partial]',
  async ({ url, person, visitor, anonymous }) => {
    await person('alice');
    const client = await clientPage();
    const { page } = await visitor();
    await page.goto(
      `${url}/_matrix/client/v3/login/sso/redirect?redirectUrl=${encodeURIComponent(client.url)}`,
    );
    await fillIn(page, { 'User name or mail address': 'alice', Password: 'alice password' }, 'Sign in');
    await page.getByRole('button', { name: 'Continue' }).click();
    await page.waitForURL(`${client.url}?*`);
    const token = new URL(page.url()).searchParams.get('loginToken');
    const session = await anonymous().ok('POST', '/v3/login', { type: 'm.login.token', token });
    assert.equal(session.user_id, '@alice:localhost');
    client.close();
  },
);
