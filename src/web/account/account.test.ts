import assert from 'node:assert/strict';
import { after } from 'node:test';
import { MailSink } from '../../testing/gateways/mail-sink.ts';
import { TestBrowser } from '../../testing/client/test-browser.ts';
import { TestClient } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

const mails = await MailSink.start();
after(() => mails.close());

const time = { ms: Date.now(), now: () => time.ms };

onServers(
  'people look after their profile and devices on the account page, by deep links too [B022]',
  async ({ person, anonymous }) => {
    const alice = await person('alice');
    const login = { type: 'm.login.password', user: 'alice', password: 'alice password' };
    const lost = await anonymous().ok('POST', '/v3/login', {
      ...login,
      device_id: 'LOST',
      initial_device_display_name: 'Lost <phone>',
    });
    const { account_management_uri: uri } = await anonymous().ok('GET', '/v1/auth_metadata');
    const browser = new TestBrowser(anonymous().base);
    await browser.open(`${uri}?action=org.matrix.profile`);
    assert.match(browser.page.html, /Sign in/);
    await browser.submit({ user: 'alice', password: 'alice password' });
    assert.match(browser.page.html, /<h1>Your profile/);
    await browser.submit({ displayname: 'Alice & co' });
    const profile = await alice.ok('GET', '/v3/profile/@alice:localhost');
    assert.equal(profile.displayname, 'Alice & co');

    for (const action of ['org.matrix.devices_list', 'org.matrix.sessions_list']) {
      await browser.open(`${uri}?action=${action}`);
      assert.match(browser.page.html, /Lost &#60;phone&#62;/);
    }
    await browser.follow('Lost <phone>');
    assert.match(browser.page.html, /<h1>Lost/);
    await browser.submit({ name: 'Stolen phone' });
    const renamed = await alice.ok('GET', '/v3/devices/LOST');
    assert.equal(renamed.display_name, 'Stolen phone');
    for (const action of ['org.matrix.device_view', 'org.matrix.session_view']) {
      await browser.open(`${uri}?action=${action}&device_id=LOST`);
      assert.match(browser.page.html, /<h1>Stolen phone/);
    }
    for (const action of ['org.matrix.session_end', 'org.matrix.device_delete']) {
      await browser.open(`${uri}?action=${action}&device_id=LOST`);
      assert.match(browser.page.html, /Sign this device out\?/);
    }
    await browser.submit({});
    const client = new TestClient(anonymous().base, lost.access_token);
    await client.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    await alice.ok('GET', '/v3/account/whoami');
    assert.equal((await browser.open(`${uri}?action=org.matrix.device_view&device_id=LOST`)).status, 404);

    await browser.open(uri);
    await browser.submit({});
    assert.match(browser.page.html, /<h1>Sign in/);
    await browser.open(uri);
    assert.match(browser.page.html, /<h1>Sign in/);
  },
);

onServers(
  'people add a mail address on the account page, and take it away again [B022 partial]',
  async ({ person, anonymous, place }) => {
    const alice = await person('alice');
    const address = `alice-${place.engine}@example.org`;
    const browser = new TestBrowser(anonymous().base);
    await browser.open('/account?action=add_contact');
    await browser.submit({ user: 'alice', password: 'alice password' });
    await browser.submit({ address: 'no address' });
    assert.equal(browser.page.status, 400);
    await browser.submit({ address });
    await browser.submit({});
    assert.equal(browser.page.status, 400, 'the link was not opened yet');
    const mailed = new TestBrowser(anonymous().base);
    const link = mails.link(address);
    await mailed.open(link.pathname + link.search);
    await mailed.submit({});
    await browser.submit({});
    assert.match(browser.page.html, /is yours now/);
    assert.equal((await alice.ok('GET', '/v3/account/3pid')).threepids[0].address, address);
    await browser.open('/account?action=org.matrix.profile');
    await browser.submit({}, 1);
    assert.match(browser.page.html, /It is removed/);
    assert.deepEqual((await alice.ok('GET', '/v3/account/3pid')).threepids, []);
  },
  { env: { MYELIN_MAIL_SMTP_URL: mails.url } },
);

onServers(
  'grave changes on the account page take a fresh sign-in [B022 partial]',
  async ({ person, anonymous }) => {
    const alice = await person('alice');
    const base = anonymous().base;
    const browser = new TestBrowser(base);
    await browser.open('/account');
    await browser.submit({ user: '@alice:localhost', password: 'alice password' });
    time.ms += 11 * 60_000;
    await browser.follow('Change your password');
    assert.match(browser.page.html, /<h1>Sign in/);
    await browser.submit({ user: 'alice', password: 'alice password' });
    await browser.submit({ password: 'short', repeated: 'short' });
    assert.equal(browser.page.status, 400);
    await browser.submit({ password: 'another password', repeated: 'another password' });
    assert.match(browser.page.html, /Your password is changed/);
    await alice.ok('GET', '/v3/account/whoami');
    await browser.open('/account?action=org.matrix.account_deactivate');
    await browser.submit({ user: 'alice', password: 'alice password' });
    assert.equal(browser.page.status, 403);
    await browser.submit({ user: 'alice', password: 'another password' });
    assert.match(browser.page.html, /Close your account\?/);
    await browser.submit({ erase: 'yes' });
    assert.match(browser.page.html, /Your account is closed/);
    await alice.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    await browser.open('/account');
    assert.match(browser.page.html, /<h1>Sign in/);
  },
  { overrides: { clock: time } },
);

onServers(
  'forms of other browsers and sites are refused, and a sign-in leads only to this server [B022 partial]',
  async ({ person, anonymous }) => {
    await person('alice');
    const { base } = anonymous();
    const forged = await fetch(`${base}/account/sign-in`, {
      method: 'POST',
      body: new URLSearchParams({ user: 'alice', password: 'alice password' }),
    });
    assert.equal(forged.status, 403);
    const browser = new TestBrowser(base);
    await browser.open('/account');
    await browser.submit({ user: 'alice', password: 'alice password' });
    const unsent = await fetch(`${base}/account`, {
      method: 'POST',
      headers: { cookie: browser.cookies },
      body: new URLSearchParams({ do: 'deactivate', form_token: 'guessed' }),
    });
    assert.equal(unsent.status, 403);
    for (const next of [
      'https://evil.example.org/',
      '//evil.example.org/',
      '/\\evil.example.org',
      '/.//evil.example.org/',
      '/x/..//evil.example.org',
      '/./\\evil.example.org',
      '/%2e//evil.example.org',
      'nowhere',
    ]) {
      const other = new TestBrowser(base);
      await other.open(`/account/sign-in?next=${encodeURIComponent(next)}`);
      const page = await other.submit({ user: 'alice', password: 'alice password' });
      assert.equal(page.sentTo, undefined, next);
      assert.equal(page.url, `${base}/account`, next);
    }
  },
);

onServers(
  'passwords cannot be tried without end on the sign-in page [B022 partial]',
  async ({ person, anonymous }) => {
    await person('alice');
    const browser = new TestBrowser(anonymous().base);
    await browser.open('/account');
    for (let i = 0; i < 3; i++) {
      await browser.submit({ user: 'alice', password: 'wrong password' });
      assert.equal(browser.page.status, 403);
    }
    await browser.submit({ user: 'alice', password: 'alice password' });
    assert.equal(browser.page.status, 429);
  },
  {
    env: {
      MYELIN_LIMITS_ENABLED: 'true',
      MYELIN_LIMITS_FAILED_LOGIN_PER_SECOND: '0.001',
      MYELIN_LIMITS_FAILED_LOGIN_BURST: '3',
    },
  },
);

onServers(
  'a registration on the pages goes through every stage that the server asks [B010 partial] [B011 partial]',
  async ({ anonymous }) => {
    const browser = new TestBrowser(anonymous().base);
    await browser.open('/account/register');
    await browser.submit({ token: 'wrong' });
    assert.equal(browser.page.status, 401);
    await browser.submit({ token: 'letmein' });
    assert.match(browser.page.html, /I accept/);
    await browser.submit({});
    await browser.submit({ user: 'Bad Name', password: 'bob password', repeated: 'bob password' });
    assert.equal(browser.page.status, 400);
    await browser.submit({ user: 'bob', password: 'bob password', repeated: 'bob password' });
    assert.match(browser.page.html, /@bob:localhost/);
    const login = { type: 'm.login.password', user: 'bob', password: 'bob password' };
    await anonymous().ok('POST', '/v3/login', login);
  },
  {
    env: {
      MYELIN_REGISTRATION_REQUIRES_TOKEN: 'true',
      MYELIN_REGISTRATION_TOKENS: 'letmein',
      MYELIN_TERMS_POLICIES: 'privacy|1.0|en|Privacy policy|https://example.org/privacy',
    },
  },
);

onServers(
  'who is locked out of their account does nothing with a browser that is signed in [B022 partial] [B041 partial]',
  async ({ person, anonymous, server }) => {
    const alice = await person('alice');
    const { newAccounts } = server.services;
    const session = await newAccounts.openSession(
      await newAccounts.createUser('root', 'root password', true),
    );
    const root = new TestClient(anonymous().base, session.accessToken);
    const lock = (locked: boolean) => root.ok('PUT', `/v1/admin/lock/${alice.userId}`, { locked });
    const name = async () => (await root.ok('GET', `/v3/profile/${alice.userId}`)).displayname;
    const browser = new TestBrowser(anonymous().base);
    const page = '/account?action=org.matrix.profile';
    await browser.open(page);
    await browser.submit({ user: 'alice', password: 'alice password' });
    await lock(true);
    await browser.submit({ displayname: 'Still talking' });
    assert.match(browser.page.html, /<h1>Sign in/);
    assert.equal(await name(), 'alice');
    await browser.submit({ user: 'alice', password: 'alice password' });
    assert.match(browser.page.html, /locked/);
    await lock(false);
    await browser.open(page);
    await browser.submit({ displayname: 'Back' });
    assert.equal(await name(), 'Back');
  },
);

onServers(
  'who is suspended does not change name and picture on the account page [B022 partial] [B041 partial]',
  async ({ person, anonymous, server }) => {
    const alice = await person('alice');
    const { newAccounts } = server.services;
    const root = await newAccounts.openSession(await newAccounts.createUser('root', 'root password', true));
    const browser = new TestBrowser(anonymous().base);
    await browser.open('/account?action=org.matrix.profile');
    await browser.submit({ user: 'alice', password: 'alice password' });
    const path = `/v1/admin/suspend/${alice.userId}`;
    await new TestClient(anonymous().base, root.accessToken).ok('PUT', path, { suspended: true });
    await browser.submit({ displayname: 'Spam' });
    assert.match(browser.page.html, /suspended/);
    assert.equal((await alice.ok('GET', `/v3/profile/${alice.userId}`)).displayname, 'alice');
  },
);
