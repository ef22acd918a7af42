import assert from 'node:assert/strict';
import { after } from 'node:test';
import type { UserId } from '../../protocol/identifiers.ts';
import { TestIdentityProvider } from '../../testing/identity/identity-provider.ts';
import { TestBrowser } from '../../testing/client/test-browser.ts';
import { TestClient, type Json } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

const elsewhere = await TestIdentityProvider.start();
after(() => elsewhere.close());

/** A clock that tests move. */
const time = { ms: Date.now(), now: () => time.ms };
const CLIENT = 'https://client.example.org/app?a=b&loginToken=old';

/** The login token in a client's address. */
function tokenIn(address: string | undefined): string {
  const url = new URL(address ?? '');
  assert.equal(url.origin + url.pathname, 'https://client.example.org/app');
  assert.equal(url.searchParams.get('a'), 'b');
  assert.equal(url.searchParams.getAll('loginToken').length, 1);
  return url.searchParams.get('loginToken') ?? '';
}

function redirectPath(more = '', redirectUrl = CLIENT): string {
  return `/_matrix/client/v3/login/sso/redirect${more}?redirectUrl=${encodeURIComponent(redirectUrl)}`;
}

function browserFor(client: TestClient): TestBrowser {
  elsewhere.serve(`${client.base}/account/sso-callback`);
  return new TestBrowser(client.base, [elsewhere.issuer]);
}

function login(client: TestClient, token: string): Promise<Json> {
  return client.ok('POST', '/v3/login', { type: 'm.login.token', token });
}

onServers(
  'without any identity provider, single sign-on is the page of the server [B076 partial] [B015]',
  async ({ person, anonymous }) => {
    await person('alice');
    const { flows } = await anonymous().ok('GET', '/v3/login');
    const flow = flows.find(({ type }: Json) => type === 'm.login.sso');
    assert.deepEqual(flow, { type: 'm.login.sso', oauth_aware_preferred: true });
    const first = await fetch(anonymous().base + redirectPath(), { redirect: 'manual' });
    assert.equal(first.status, 302);
    const browser = new TestBrowser(anonymous().base);
    await browser.open(`${redirectPath()}&action=login`);
    assert.match(browser.page.html, /<h1>Sign in/);
    await browser.submit({ user: 'alice', password: 'alice password' });
    assert.match(browser.page.html, /https:\/\/client\.example\.org/);
    assert.match(browser.page.html, /@alice:localhost/);
    const token = tokenIn((await browser.submit({})).sentTo);
    assert.equal((await login(anonymous(), token)).user_id, '@alice:localhost');
    await anonymous().fails(403, 'M_FORBIDDEN', 'POST', '/v3/login', { type: 'm.login.token', token });

    const other = new TestBrowser(anonymous().base);
    await other.open(`${redirectPath()}&action=register`);
    assert.match(other.page.html, /<h1>Make an account/);
    await other.submit({ user: 'bob', password: 'bob password', repeated: 'bob password' });
    const second = tokenIn((await other.submit({})).sentTo);
    assert.equal((await login(anonymous(), second)).user_id, '@bob:localhost');

    for (const wrong of ['nowhere', 'javascript:alert(1)', 'data:text/html,x']) {
      assert.equal((await browser.open(redirectPath('', wrong))).status, 400, wrong);
    }
    assert.equal((await browser.open('/_matrix/client/v3/login/sso/redirect')).status, 400);
    assert.equal((await browser.open(redirectPath('/unknown'))).status, 404);
  },
);

onServers(
  'a person of an identity provider becomes a user, and is the same user the next time [B076]',
  async ({ anonymous, person }) => {
    await person('erin');
    const { flows } = await anonymous().ok('GET', '/v3/login');
    const flow = flows.find(({ type }: Json) => type === 'm.login.sso');
    assert.deepEqual(flow.identity_providers, [{ id: 'elsewhere', name: 'Elsewhere', brand: 'example' }]);
    const browser = browserFor(anonymous());
    await browser.open(redirectPath('/elsewhere'));
    await elsewhere.signIn(browser, 'Dora');
    assert.match(browser.page.html, /@dora:localhost/);
    const session = await login(anonymous(), tokenIn((await browser.submit({})).sentTo));
    assert.equal(session.user_id, '@dora:localhost');
    const client = new TestClient(anonymous().base, session.access_token);
    const profile = await client.ok('GET', '/v3/profile/@dora:localhost');
    assert.equal(profile.displayname, 'Dora from elsewhere');

    const again = browserFor(anonymous());
    await again.open(redirectPath());
    await again.follow('Continue with Elsewhere');
    await elsewhere.signIn(again, 'Dora');
    const second = await login(anonymous(), tokenIn((await again.submit({})).sentTo));
    assert.equal(second.user_id, '@dora:localhost');

    const namesake = browserFor(anonymous());
    await namesake.open(redirectPath('/elsewhere'));
    await elsewhere.signIn(namesake, 'erin');
    assert.match(namesake.page.html, /@erin-2:localhost/, 'a user who exists is somebody else');

    const strange = browserFor(anonymous());
    await strange.open(redirectPath('/elsewhere'));
    await elsewhere.signIn(strange, '_Zoë=');
    assert.match(strange.page.html, /@=5fzo=c3=ab=3d:localhost/);
  },
  { env: elsewhere.settings() },
);

onServers(
  'who confirms something as somebody else does not become a user by that [B076 partial]',
  async ({ person, anonymous }) => {
    const alice = await person('alice');
    const { body } = await alice.ask('DELETE', `/v3/devices/${alice.deviceId}`, {});
    const browser = browserFor(anonymous());
    await browser.open(`/_matrix/client/v3/auth/m.login.sso/fallback/web?session=${body.session}`);
    await browser.submit({ provider: 'elsewhere' }, 1);
    await elsewhere.signIn(browser, 'mallory');
    assert.equal(browser.page.status, 403);
    await anonymous().ok('GET', '/v3/register/available?username=mallory');
  },
  { env: elsewhere.settings() },
);

onServers(
  'a login token of single sign-on is short-lived, and trusted clients get it without a question [B076 partial]',
  async ({ person, anonymous }) => {
    await person('alice');
    const browser = new TestBrowser(anonymous().base);
    await browser.open(redirectPath());
    const { sentTo } = await browser.submit({ user: 'alice', password: 'alice password' });
    const token = tokenIn(sentTo);
    time.ms += 10_000;
    await anonymous().fails(403, 'M_FORBIDDEN', 'POST', '/v3/login', { type: 'm.login.token', token });
    await browser.open(redirectPath('', 'https://client.example.org/apple'));
    assert.equal(browser.page.sentTo, undefined);
    await browser.open(redirectPath('', 'https://client.example.org.evil.org/app'));
    assert.equal(browser.page.sentTo, undefined);
  },
  {
    env: { MYELIN_SSO_TRUSTED_REDIRECTS: 'https://client.example.org/app' },
    overrides: { clock: time },
  },
);

onServers(
  'who comes back from an identity provider unasked, twice, or with another browser is refused [B076 partial]',
  async ({ anonymous }) => {
    const base = anonymous().base;
    elsewhere.serve(`${base}/account/sso-callback`);
    // This browser stops before it is sent back here.
    const outside = new TestBrowser(elsewhere.issuer);
    const victim = new TestBrowser(base);
    const began = await victim.open(redirectPath('/elsewhere'));
    await outside.open(began.sentTo ?? '');
    await outside.submit({ login: 'mallory', password: 'anything' });
    while (outside.page.sentTo === undefined) await outside.submit({});
    const callback = outside.page.sentTo;
    assert.equal((await new TestBrowser(base).open(callback)).status, 400, 'another browser');
    assert.match((await victim.open(callback)).html, /@mallory:localhost/);
    assert.equal((await victim.open(callback)).status, 400, 'twice');
    assert.equal((await victim.open('/account/sso-callback?state=made-up&code=x')).status, 400);
    const refused = new TestBrowser(base);
    const { sentTo } = await refused.open(redirectPath('/elsewhere'));
    const state = new URL(sentTo ?? '').searchParams.get('state') ?? '';
    const denied = `/account/sso-callback?error=access_denied&state=${state}`;
    assert.equal((await refused.open(denied)).status, 403);
  },
  { env: elsewhere.settings() },
);

onServers(
  'an identity provider that lies, fails or is not there is no way in [B076 partial]',
  async ({ anonymous }) => {
    const browser = browserFor(anonymous());
    const began = await browser.open(redirectPath('/elsewhere'));
    assert.equal(began.status, 502);
    assert.match(began.html, /did not answer as it should/);
  },
  { env: elsewhere.settings({ issuer: `${elsewhere.issuer}/other` }) },
);

onServers(
  'new users are refused where an identity provider may not bring any, and linked by name where that is said [B076 partial]',
  async ({ anonymous, person }) => {
    await person('erin');
    const linked = browserFor(anonymous());
    await linked.open(redirectPath('/elsewhere'));
    await elsewhere.signIn(linked, 'erin');
    assert.match(linked.page.html, /@erin:localhost/);
    const unknown = browserFor(anonymous());
    await unknown.open(redirectPath('/elsewhere'));
    await elsewhere.signIn(unknown, 'stranger');
    assert.equal(unknown.page.status, 403);
  },
  { env: elsewhere.settings({ allow_new_users: false, link_by_name: true }) },
);

onServers(
  'nobody is linked by name to the user who sends server notices [B076 partial]',
  async ({ server, anonymous, person }) => {
    const dora = await person('dora');
    const notice = { type: 'm.room.message', content: { msgtype: 'm.text', body: 'hello' }, txnId: '1' };
    await server.services.serverNotices.send(dora.userId as UserId, notice);
    const browser = browserFor(anonymous());
    await browser.open(redirectPath('/elsewhere'));
    await elsewhere.signIn(browser, 'erin');
    assert.equal(browser.page.status, 400);
    assert.match(browser.page.html, /is the server itself/);
  },
  { env: { ...elsewhere.settings({ link_by_name: true }), MYELIN_SERVER_NOTICES_LOCALPART: 'erin' } },
);

onServers(
  'a stage of single sign-on is completed on its page, by who it is for [B076 partial] [B010 partial]',
  async ({ anonymous, person }) => {
    const browser = browserFor(anonymous());
    await browser.open(redirectPath('/elsewhere'));
    await elsewhere.signIn(browser, 'dora');
    const session = await login(anonymous(), tokenIn((await browser.submit({})).sentTo));
    const dora = new TestClient(anonymous().base, session.access_token);
    const lost = await login(anonymous(), await freshToken(browser));
    const path = `/v3/devices/${lost.device_id}`;
    const asked = await dora.ask('DELETE', path, {});
    assert.deepEqual(asked.body.flows, [{ stages: ['m.login.sso'] }], 'she has no password');
    const auth = { session: asked.body.session };
    const page = `/_matrix/client/v3/auth/m.login.sso/fallback/web?session=${auth.session}`;

    const stranger = browserFor(anonymous());
    await stranger.open(page);
    assert.match(stranger.page.html, new RegExp(`wants to delete device ${lost.device_id}`));
    await stranger.submit({ provider: 'elsewhere' }, 1);
    await elsewhere.signIn(stranger, 'mallory');
    assert.equal(stranger.page.status, 403);
    assert.equal((await dora.ask('DELETE', path, { auth })).status, 401);

    const own = browserFor(anonymous());
    await own.open(page);
    await own.submit({ provider: 'elsewhere' }, 1);
    await elsewhere.signIn(own, 'dora');
    assert.match(own.page.html, /onAuthDone/);
    await dora.ok('DELETE', path, { auth });

    const alice = await person('alice');
    const needed = await alice.ask('DELETE', `/v3/devices/${alice.deviceId}`, {});
    const byPassword = new TestBrowser(anonymous().base);
    await byPassword.open(`/_matrix/client/v3/auth/m.login.sso/fallback/web?session=${needed.body.session}`);
    await byPassword.submit({ password: 'wrong' });
    assert.equal(byPassword.page.status, 403);
    await byPassword.submit({ password: 'alice password' });
    assert.match(byPassword.page.html, /onAuthDone/);
    await alice.ok('DELETE', `/v3/devices/${alice.deviceId}`, { auth: { session: needed.body.session } });
  },
  { env: elsewhere.settings() },
);

async function freshToken(browser: TestBrowser): Promise<string> {
  await browser.open(redirectPath());
  return tokenIn((await browser.submit({})).sentTo);
}
