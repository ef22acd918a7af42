import assert from 'node:assert/strict';
import { once } from 'node:events';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { text } from 'node:stream/consumers';
import { after, describe } from 'node:test';
import { TestIdentityProvider } from '../../../testing/identity/identity-provider.ts';
import { StandInIdentityServer } from '../../../testing/identity/identity-server.ts';
import { MailSink } from '../../../testing/gateways/mail-sink.ts';
import { TestBrowser } from '../../../testing/client/test-browser.ts';
import { TestClient, type Json } from '../../../testing/client/test-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';

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
const TRUSTING = {
  MYELIN_MAIL_SMTP_URL: mails.url,
  MYELIN_THREEPIDS_TRUSTED_IDENTITY_SERVERS: identity.name,
  MYELIN_THREEPIDS_PLAIN_IDENTITY_SERVERS: identity.name,
  MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
};
after(async () => {
  identity.close();
  riddler.close();
  riddler.closeAllConnections();
  elsewhere.close();
  await mails.close();
});

describe('2015: user-interactive authentication', () => {
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
      await server.server.services.newAccounts.createUser('alice', 'alice password', false);
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
      const stage = {
        type,
        threepidCreds: [{ sid: 'two', clientSecret: 'secret', idServer: identity.name }],
      };
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
    { env: { ...TRUSTING, MYELIN_THREEPIDS_REGISTRATION_EMAIL: 'required' } },
  );

  onServers(
    'addresses that an identity server has proven are added, listed, bound, and good for a password [A020] [A025] [A026] [A027]',
    async ({ anonymous, place }) => {
      identity.validated.clear();
      const client = anonymous();
      const mine = (name: string) => `${name}-${place.engine}@example.org`;
      for (const name of ['one', 'two', 'three']) identity.validated.set(`${name} secret`, mine(name));
      const creds = (sid: string) => ({ sid, client_secret: 'secret', id_server: identity.name });
      const type = 'm.login.email.identity';
      const wishes = { username: 'erin', password: 'erin password', bind_email: true };
      const auth = { type, threepidCreds: [creds('one')] };
      const made = await client.ok('POST', `${V2}/register`, { ...wishes, auth });
      assert.equal(identity.boundWithoutToken.get('one secret'), '@erin:localhost');

      const erin = new TestClient(client.base, made.access_token);
      const path = `${V2}/account/3pid`;
      const wrong = { threePidCreds: { ...creds('two'), client_secret: 'guessed' } };
      await erin.fails(400, 'M_THREEPID_AUTH_FAILED', 'POST', path, wrong);
      await erin.ok('POST', path, { threePidCreds: creds('two') });
      assert.equal(identity.boundWithoutToken.has('two secret'), false);
      await erin.ok('POST', path, { threePidCreds: creds('three'), bind: true });
      assert.equal(identity.boundWithoutToken.get('three secret'), '@erin:localhost');
      const { threepids } = await erin.ok('GET', path);
      const expected = ['one', 'three', 'two'].map((name) => ({ medium: 'email', address: mine(name) }));
      const byAddress = (a: Json, b: Json) => (a.address < b.address ? -1 : 1);
      assert.deepEqual((threepids as Json[]).sort(byAddress), expected);

      const change = { new_password: 'another password' };
      const flows = async (who: TestClient): Promise<string[]> => {
        const asked = await who.ask('POST', `${V2}/account/password`, change);
        assert.equal(asked.status, 401);
        return asked.body.flows.flatMap(({ stages }: Json) => stages);
      };
      assert.ok((await flows(erin)).includes('m.login.password'));
      assert.deepEqual(await flows(client), [type], 'who is not logged in can prove an address only');
      identity.validated.set('four secret', mine('nobody'));
      const unknown = { ...change, auth: { type, threepidCreds: [creds('four')] } };
      await client.fails(404, 'M_NOT_FOUND', 'POST', `${V2}/account/password`, unknown);
      const known = { ...change, auth: { type, threepidCreds: [creds('two')] } };
      await client.ok('POST', `${V2}/account/password`, known);
      const login = { type: 'm.login.password', user: 'erin', password: 'another password' };
      await client.ok('POST', `${V1}/login`, login);
    },
    { env: { ...TRUSTING, MYELIN_THREEPIDS_REGISTRATION_EMAIL: 'optional' } },
  );

  onServers(
    'interactive authentication as 2015 had it: stages, sessions, what is wrong [A010] [A011] [A012] [A019 partial]',
    async ({ anonymous }) => {
      const client = anonymous();
      const path = `${V2}/register`;
      const wishes = { username: 'bob', password: 'bob password' };
      const asked = await client.ask('POST', path, wishes);
      assert.equal(asked.status, 401);
      assert.equal(asked.body.errcode, undefined);
      assert.deepEqual(asked.body.flows, [{ stages: ['m.login.registration_token', 'm.login.terms'] }]);
      const { session } = asked.body;
      const wrong = { type: 'm.login.registration_token', token: 'wrong', session };
      const failed = await client.ask('POST', path, { ...wishes, auth: wrong });
      assert.deepEqual([failed.status, failed.body.errcode], [401, 'M_UNAUTHORIZED']);
      assert.deepEqual(failed.body.completed, []);
      const half = await client.ask('POST', path, { ...wishes, auth: { ...wrong, token: 'letmein' } });
      assert.equal(half.status, 401);
      assert.deepEqual(half.body.completed, ['m.login.registration_token']);
      assert.equal(half.body.session, session);

      const reported = await client.ask('POST', path, { ...wishes, auth: { session } });
      assert.deepEqual(reported.body.completed, ['m.login.registration_token']);
      const browser = new TestBrowser(client.base);
      await browser.open(`${V2}/auth/m.login.terms/fallback/web?session=${session}`);
      await browser.submit({});
      const done = await client.ok('POST', path, { ...wishes, auth: { session } });
      assert.equal(done.user_id, '@bob:localhost');
      await client.fails(400, 'M_USER_IN_USE', 'POST', path, wishes);
      await client.fails(400, 'M_WEAK_PASSWORD', 'POST', path, { username: 'weak', password: 'short' });

      const bob = new TestClient(client.base, done.access_token);
      for (const user of ['bob', '@bob:localhost']) {
        const auth = { type: 'm.login.password', user, password: 'bob password' };
        const weak = { new_password: 'short', auth };
        await bob.fails(400, 'M_WEAK_PASSWORD', 'POST', `${V2}/account/password`, weak);
      }
      const auth = { type: 'm.login.password', user: 'bob', password: 'wrong password' };
      const refused = await bob.ask('POST', `${V2}/account/password`, {
        new_password: 'bob password 2',
        auth,
      });
      assert.deepEqual([refused.status, refused.body.errcode], [401, 'M_FORBIDDEN']);
    },
    {
      env: {
        MYELIN_REGISTRATION_REQUIRES_TOKEN: 'true',
        MYELIN_REGISTRATION_TOKENS: 'letmein',
        MYELIN_TERMS_POLICIES: 'privacy|1.0|en|Privacy policy|https://example.org/privacy',
      },
    },
  );
});
