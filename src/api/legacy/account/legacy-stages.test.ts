import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after } from 'node:test';
import { TestIdentityProvider } from '../../../testing/identity-provider.ts';
import { StandInIdentityServer } from '../../../testing/identity-server.ts';
import { MailSink } from '../../../testing/mail-sink.ts';
import { TestBrowser } from '../../../testing/test-browser.ts';
import { TestClient, type Json } from '../../../testing/test-client.ts';
import { onServers } from '../../../testing/test-server.ts';

const V1 = '/_matrix/client/api/v1';
const V2 = '/_matrix/client/v2_alpha';

const identity = await StandInIdentityServer.start();
const mails = await MailSink.start();
const elsewhere = await TestIdentityProvider.start();
/** What the service was asked that sets the riddles. */
const riddles: Record<string, string>[] = [];
const riddler = createServer((request, response) => {
  void text(request).then((form) => {
    const asked = Object.fromEntries(new URLSearchParams(form));
    riddles.push(asked);
    const isSolved = asked.secret === 'a secret' && asked.response === 'solved';
    response.end(JSON.stringify({ success: isSolved }));
  });
});
await once(riddler.listen(0, '127.0.0.1'), 'listening');
const RECAPTCHA = {
  MYELIN_RECAPTCHA_SITE_KEY: 'a key',
  MYELIN_RECAPTCHA_SECRET: 'a secret',
  MYELIN_RECAPTCHA_VERIFY_URL: `http://127.0.0.1:${(riddler.address() as AddressInfo).port}/`,
  MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
};
after(async () => {
  identity.close();
  riddler.close();
  riddler.closeAllConnections();
  elsewhere.close();
  await mails.close();
});

onServers(
  'the stage of OAuth2 leads to a service and back; the client goes on with the session alone [A015] [A018 partial]',
  async ({ anonymous }) => {
    const client = anonymous();
    elsewhere.serve(`${client.base}/account/sso-callback`);
    const { flows } = await client.ok('GET', `${V1}/login`);
    assert.ok(flows.some(({ type }: Json) => type === 'm.login.oauth2'));
    const { uri } = await client.ok('POST', `${V1}/login`, { type: 'm.login.oauth2', user: 'dora' });
    const browser = new TestBrowser(client.base, [elsewhere.issuer]);
    await browser.open(uri);
    await browser.submit({ provider: 'elsewhere' });
    await elsewhere.signIn(browser, 'dora');
    const credentials = JSON.parse(browser.page.html) as Json;
    assert.equal(credentials.user_id, '@dora:localhost');
    const dora = new TestClient(client.base, credentials.access_token);

    const path = `${V2}/account/password`;
    const change = { new_password: 'dora password' };
    const asked = await dora.ask('POST', path, change);
    assert.ok(asked.body.flows.some(({ stages }: Json) => stages.join(' ') === 'm.login.oauth2'));
    const { session, params } = asked.body;
    const page = params['m.login.oauth2'].uri;
    assert.ok(page.startsWith(`${client.base}${V2}/auth/m.login.oauth2/fallback/web`), page);
    assert.equal((await dora.ask('POST', path, { ...change, auth: { session } })).status, 401);
    const direct = { type: 'm.login.oauth2', session };
    assert.equal((await dora.ask('POST', path, { ...change, auth: direct })).status, 401);
    const other = new TestBrowser(client.base, [elsewhere.issuer]);
    await other.open(page);
    await other.submit({ provider: 'elsewhere' });
    await elsewhere.signIn(other, 'dora');
    assert.match(other.page.html, /onAuthDone/);
    await dora.ok('POST', path, { ...change, auth: { session } });
    const login = { type: 'm.login.password', user: 'dora', password: 'dora password' };
    await client.ok('POST', `${V1}/login`, login);
  },
  { env: elsewhere.settings() },
);

onServers(
  'each stage has a page under the prefix of 2015 [A018]',
  async (server) => {
    const alice = server.anonymous();
    await server.server.services.registration.createUser('alice', 'alice password', false);
    const password = { type: 'm.login.password', user: 'alice', password: 'alice password' };
    alice.token = (await alice.ok('POST', `${V1}/login`, password)).access_token;
    const { login_token: token } = await alice.ok('POST', '/v1/login/get_token', { auth: password });
    const asked = await alice.ask('POST', `${V2}/account/password`, { new_password: 'new password' });
    const page = (type: string, session: string) => `${V2}/auth/${type}/fallback/web?session=${session}`;
    const browser = new TestBrowser(alice.base);
    await browser.open(page('m.login.token', asked.body.session));
    await browser.submit({ user: 'alice', token: 'wrong' });
    assert.equal(browser.page.status, 403);
    await browser.submit({ user: 'alice', token });
    assert.match(browser.page.html, /onAuthDone/);
    await browser.open(page('m.login.password', asked.body.session));
    await browser.submit({ password: 'alice password' });
    assert.match(browser.page.html, /onAuthDone/);

    const { session } = (await server.anonymous().ask('POST', `${V2}/register`, {})).body;
    await browser.open(page('m.login.recaptcha', session));
    assert.match(browser.page.html, /data-sitekey="a key"/);
    await browser.submit({ 'g-recaptcha-response': 'solved' });
    assert.match(browser.page.html, /onAuthDone/);
    await browser.open(page('m.login.email.identity', session));
    await browser.submit({ address: 'nobody@example.org' });
    assert.match(browser.page.html, /Open the link in the mail/);
  },
  {
    env: {
      ...RECAPTCHA,
      MYELIN_MAIL_SMTP_URL: mails.url,
      MYELIN_THREEPIDS_REGISTRATION_EMAIL: 'optional',
    },
  },
);

onServers(
  'a riddle is set by its public key, and its answer checked by the service that set it [A013] [B010 partial]',
  async ({ anonymous }) => {
    const client = anonymous();
    const wishes = { username: 'bob', password: 'bob password' };
    const asked = (await client.ask('POST', `${V2}/register`, wishes)).body;
    assert.deepEqual(asked.flows, [{ stages: ['m.login.recaptcha'] }]);
    assert.deepEqual(asked.params, { 'm.login.recaptcha': { public_key: 'a key' } });
    const answer = (more: object) => {
      const auth = { type: 'm.login.recaptcha', session: asked.session, ...more };
      return client.ask('POST', `${V2}/register`, { ...wishes, auth });
    };
    const needed = await answer({});
    assert.deepEqual([needed.status, needed.body.errcode], [401, 'M_CAPTCHA_NEEDED']);
    const wrong = await answer({ response: 'guessed' });
    assert.deepEqual([wrong.status, wrong.body.errcode], [401, 'M_CAPTCHA_INVALID']);
    const done = await answer({ response: 'solved' });
    assert.equal(done.body.user_id, '@bob:localhost');
    assert.deepEqual(riddles.at(-1), { secret: 'a secret', response: 'solved' });
  },
  { env: RECAPTCHA },
);

onServers(
  'an address that was proven at a trusted identity server registers, and sets a password [A016]',
  async ({ anonymous, place }) => {
    const client = anonymous();
    const address = `erin-${place.engine}@example.org`;
    identity.validated.clear();
    identity.validated.set('one secret', address);
    const type = 'm.login.email.identity';
    const creds = { sid: 'one', client_secret: 'secret', id_server: identity.name };
    const wishes = { username: 'erin', password: 'erin password' };
    const { session } = (await client.ask('POST', `${V2}/register`, wishes)).body;
    const register = (threepidCreds: object[]) =>
      client.ask('POST', `${V2}/register`, { ...wishes, auth: { type, session, threepidCreds } });
    assert.equal((await register([{ ...creds, client_secret: 'guessed' }])).status, 401);
    assert.equal((await register([{ ...creds, id_server: 'identity.example.org' }])).status, 401);
    assert.equal((await register([])).status, 401);
    const done = await register([creds]);
    assert.equal(done.body.user_id, '@erin:localhost', JSON.stringify(done.body));
    const erin = new TestClient(client.base, done.body.access_token);
    assert.equal((await erin.ok('GET', '/v3/account/3pid')).threepids[0].address, address);

    const change = { new_password: 'another password', auth: { type, threepidCreds: [creds] } };
    await client.ok('POST', `${V2}/account/password`, change);
    const login = { type: 'm.login.password', user: 'erin', password: 'another password' };
    await client.ok('POST', `${V1}/login`, login);
    const stage = { type, threepidCreds: [{ sid: 'two', clientSecret: 'secret', idServer: identity.name }] };
    await client.fails(403, 'M_FORBIDDEN', 'POST', `${V1}/register`, stage);
    identity.validated.set('two secret', `second-${place.engine}@example.org`);
    const staged = await client.ok('POST', `${V1}/register`, stage);
    assert.equal(staged.next, 'm.login.password');
    const last = { type: staged.next, session: staged.session };
    const made = await client.ok('POST', `${V1}/register`, {
      ...last,
      user: 'second',
      password: 'second password',
    });
    assert.equal(made.user_id, '@second:localhost');
  },
  {
    env: {
      MYELIN_MAIL_SMTP_URL: mails.url,
      MYELIN_THREEPIDS_REGISTRATION_EMAIL: 'required',
      MYELIN_THREEPIDS_TRUSTED_IDENTITY_SERVERS: identity.name,
      MYELIN_THREEPIDS_PLAIN_IDENTITY_SERVERS: identity.name,
      MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
    },
  },
);
