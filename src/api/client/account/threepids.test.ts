import assert from 'node:assert/strict';
import { test } from 'node:test';
import { MailSink } from '../../../testing/gateways/mail-sink.ts';
import { TestBrowser } from '../../../testing/client/test-browser.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { passwordAuth, pressButton } from '../../../testing/client/address-proofs.ts';
import { TextGateway } from '../../../testing/gateways/text-gateway.ts';
import { StandInIdentityServer } from '../../../testing/identity/identity-server.ts';

const sink = await MailSink.start();
const gateway = await TextGateway.start();
const identity = await StandInIdentityServer.start();
test.after(async () => {
  await sink.close();
  identity.close();
  gateway.close();
});

const env = { MYELIN_MAIL_SMTP_URL: sink.url, MYELIN_THREEPIDS_REGISTRATION_EMAIL: 'optional' };

onServers(
  'adds, lists and deletes a mail address that was proven by its link, not by looking at it [B014]',
  async (s) => {
    const alice = await s.person('alice');
    const to = `alice-${s.place.engine}@example.org`;
    const ask = {
      client_secret: 'secret',
      email: to.toUpperCase(),
      send_attempt: 1,
      next_link: 'https://next.example/x',
    };
    const { sid } = await alice.ok('POST', '/v3/account/3pid/email/requestToken', ask);
    const again = await alice.ok('POST', '/v3/account/3pid/email/requestToken', ask);
    assert.equal(again.sid, sid);
    const link = sink.link(to);
    assert.equal(sink.count(to), 1);
    const add = { sid, client_secret: 'secret', auth: passwordAuth('alice') };

    const page = await alice.ask('GET', link.pathname + link.search);
    assert.equal(page.status, 200);
    assert.match(page.headers.get('content-security-policy') ?? '', /default-src 'none'/);
    await alice.fails(400, 'M_THREEPID_AUTH_FAILED', 'POST', '/v3/account/3pid/add', add);

    const wrong = new URL(link);
    wrong.searchParams.set('token', 'wrong');
    assert.equal((await pressButton(alice, wrong)).status, 400);
    const pressed = await pressButton(alice, link);
    assert.equal(pressed.status, 303);
    assert.equal(pressed.headers.get('location'), 'https://next.example/x');
    await alice.ok('POST', '/v3/account/3pid/add', add);
    const { threepids } = await alice.ok('GET', '/v3/account/3pid');
    assert.equal(threepids.length, 1);
    assert.equal(threepids[0].address, to);

    const bob = await s.person('bob');
    const login = {
      type: 'm.login.password',
      identifier: { type: 'm.id.thirdparty', medium: 'email', address: to },
    };
    const opened = await bob.ok('POST', '/v3/login', { ...login, password: 'alice password' });
    assert.equal(opened.user_id, alice.userId);
    await bob.fails(400, 'M_THREEPID_IN_USE', 'POST', '/v3/account/3pid/email/requestToken', ask);
    await bob.fails(400, 'M_INVALID_PARAM', 'POST', '/v3/account/3pid/email/requestToken', {
      ...ask,
      email: 'no',
    });
    await bob.fails(400, 'M_INVALID_PARAM', 'POST', '/v3/account/3pid/email/requestToken', {
      ...ask,
      email: 'new@example.org',
      next_link: 'javascript:alert(1)',
    });

    assert.equal((await bob.ok('GET', '/v3/capabilities')).capabilities['m.3pid_changes'].enabled, true);
    const gone = await alice.ok('POST', '/v3/account/3pid/delete', { medium: 'email', address: to });
    assert.equal(gone.id_server_unbind_result, 'no-support', 'no identity server is known that has it');
    assert.deepEqual((await alice.ok('GET', '/v3/account/3pid')).threepids, []);
  },
  { env },
);

onServers(
  'registers with a mail address, and sets a forgotten password by mail, once [B013 partial]',
  async (s) => {
    const person = s.anonymous();
    const to = `carol-${s.place.engine}@example.org`;
    const ask = { client_secret: 'first', email: to, send_attempt: 1 };
    await person.fails(400, 'M_THREEPID_NOT_FOUND', 'POST', '/v3/account/password/email/requestToken', ask);
    const { sid } = await person.ok('POST', '/v3/register/email/requestToken', ask);
    const wishes = { username: 'carol', password: 'carol password' };
    const { session, flows } = (await person.ask('POST', '/v3/register', wishes)).body;
    assert.deepEqual(flows, [{ stages: ['m.login.dummy'] }, { stages: ['m.login.email.identity'] }]);
    const auth = { type: 'm.login.email.identity', session, threepid_creds: { sid, client_secret: 'first' } };
    assert.equal((await person.ask('POST', '/v3/register', { ...wishes, auth })).status, 401);
    await pressButton(person, sink.link(to));
    const made = await person.ok('POST', '/v3/register', { ...wishes, auth });
    assert.equal((await pressButton(person, sink.link(to))).status, 400);

    const reset = { client_secret: 'second', email: to, send_attempt: 1 };
    const second = await person.ok('POST', '/v3/account/password/email/requestToken', reset);
    await pressButton(person, sink.link(to, 2));
    const creds = { sid: second.sid, client_secret: 'second' };
    const proof = { type: 'm.login.email.identity', threepid_creds: creds };
    await person.ok('POST', '/v3/account/password', { new_password: 'a new password', auth: proof });
    const more = await person.ask('POST', '/v3/account/password', {
      new_password: 'another one',
      auth: proof,
    });
    assert.equal(more.status, 401);
    person.token = made.access_token;
    await person.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    person.token = undefined;
    const identifier = { type: 'm.id.user', user: 'carol' };
    await person.ok('POST', '/v3/login', {
      type: 'm.login.password',
      identifier,
      password: 'a new password',
    });
  },
  { env },
);

onServers(
  'completes terms and a registration token on pages, for a client that knows neither [B010 partial]',
  async (s) => {
    const person = s.anonymous();
    const wishes = { username: 'dora', password: 'dora password' };
    const asked = (await person.ask('POST', '/v3/register', wishes)).body;
    const { session } = asked;
    assert.deepEqual(asked.flows, [{ stages: ['m.login.registration_token', 'm.login.terms'] }]);
    assert.deepEqual(asked.params['m.login.terms'].policies, {
      privacy: { version: '1.0', en: { name: 'Privacy policy', url: 'https://example.org/p' } },
    });
    const browser = new TestBrowser(person.base);
    const send = async (type: string, fields: Record<string, string>) => {
      const path = `/_matrix/client/v3/auth/${type}/fallback/web?session=${session}`;
      assert.equal((await browser.open(path)).status, 200);
      return browser.submit(fields);
    };
    assert.equal((await send('m.login.registration_token', { token: 'no' })).status, 401);
    const done = await send('m.login.registration_token', { token: 'let-me-in' });
    assert.match(done.html, /onAuthDone/);
    assert.equal((await person.ask('POST', '/v3/register', { ...wishes, auth: { session } })).status, 401);
    assert.equal((await send('m.login.terms', {})).status, 200);
    await person.ok('POST', '/v3/register', { ...wishes, auth: { session } });
    const other = `/_matrix/client/v3/auth/m.login.dummy/fallback/web?session=${session}`;
    assert.equal((await fetch(person.base + other)).status, 400);
    assert.match(
      await (await fetch(`${person.base}/_matrix/static/client/login/`)).text(),
      /<form id="form">/,
    );
  },
  {
    env: {
      MYELIN_REGISTRATION_REQUIRES_TOKEN: 'true',
      MYELIN_REGISTRATION_TOKENS: 'let-me-in',
      MYELIN_TERMS_POLICIES: 'privacy|1.0|en|Privacy policy|https://example.org/p',
    },
  },
);

onServers(
  'proves a phone number by a code, of which few can be tried [B014]',
  async (s) => {
    const alice = await s.person('alice');
    const ask = { client_secret: 'secret', country: 'GB', phone_number: '07911 123456', send_attempt: 1 };
    await alice.fails(400, 'M_INVALID_PARAM', 'POST', '/v3/account/3pid/msisdn/requestToken', {
      ...ask,
      phone_number: '12',
    });
    const { sid, submit_url: url } = await alice.ok('POST', '/v3/account/3pid/msisdn/requestToken', ask);
    const message = gateway.texts.at(-1);
    assert.equal(message?.to, '+447911123456');
    const code = /[0-9]{6}/.exec(message.text)?.[0] ?? '';
    const submit = { sid, client_secret: 'secret', token: code };
    const path = new URL(String(url)).pathname;
    await alice.fails(400, 'M_TOKEN_INCORRECT', 'POST', path, { ...submit, token: 'wrong' });
    await alice.ok('POST', path, submit);
    const creds = { sid, client_secret: 'secret' };
    await alice.ok('POST', '/v3/account/3pid/add', { ...creds, auth: passwordAuth('alice') });
    const login = { type: 'm.login.password', password: 'alice password' };
    const identifier = { type: 'm.id.phone', country: 'GB', phone: '07911123456' };
    assert.equal((await alice.ok('POST', '/v3/login', { ...login, identifier })).user_id, alice.userId);

    const second = { ...ask, phone_number: '07911 123457' };
    const other = await alice.ok('POST', '/v3/account/3pid/msisdn/requestToken', second);
    const right = gateway.code;
    const guess = { sid: other.sid, client_secret: 'secret', token: 'wrong' };
    const closing = { auth: passwordAuth('alice'), erase: true };
    const closed = await alice.ok('POST', '/v3/account/deactivate', closing);
    assert.equal(closed.id_server_unbind_result, 'success');
    const free = { client_secret: 'mine', sid: '' };
    const next = await s.person('next');
    free.sid = (
      await next.ok('POST', '/v3/account/3pid/msisdn/requestToken', { ...ask, client_secret: 'mine' })
    ).sid;
    await next.ok('POST', path, { ...free, token: gateway.code });
    await next.ok('POST', '/v3/account/3pid/add', { ...free, auth: passwordAuth('next') });
    for (let i = 0; i < 10; i++) await alice.fails(400, 'M_TOKEN_INCORRECT', 'POST', path, guess);
    await alice.fails(400, 'M_TOKEN_INCORRECT', 'POST', path, { ...guess, token: right });
  },
  {
    env: {
      MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
      MYELIN_THREEPIDS_SMS_URL: gateway.url,
    },
  },
);

onServers(
  'who closes an account has the identity server that they name forget all of their addresses [B013 partial]',
  async (s) => {
    const gone = async (name: string, phone: string, idServer?: string) => {
      const person = await s.person(name);
      const ask = { client_secret: name, country: 'GB', phone_number: phone, send_attempt: 1 };
      const { sid, submit_url: url } = await person.ok('POST', '/v3/account/3pid/msisdn/requestToken', ask);
      const creds = { sid, client_secret: name };
      await person.ok('POST', new URL(String(url)).pathname, { ...creds, token: gateway.code });
      await person.ok('POST', '/v3/account/3pid/add', { ...creds, auth: passwordAuth(name) });
      const closing = { auth: passwordAuth(name), id_server: idServer };
      return (await person.ok('POST', '/v3/account/deactivate', closing)).id_server_unbind_result;
    };
    const before = identity.unbindings.length;
    assert.equal(await gone('alice', '07911 123459', identity.name), 'success');
    assert.equal(identity.unbindings.length, before + 1);
    assert.equal(await gone('bob', '07911 123461', '127.0.0.1:1'), 'no-support');
    assert.equal(await gone('carol', '07911 123462'), 'success', 'nothing was bound');
    assert.equal(identity.unbindings.length, before + 1);
  },
  {
    env: {
      MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
      MYELIN_THREEPIDS_SMS_URL: gateway.url,
      MYELIN_THREEPIDS_PLAIN_IDENTITY_SERVERS: identity.name,
    },
  },
);

onServers(
  'a phone number is added the old way, takes no second account, and lets its owner back in [B014] [B013 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const number = { country: 'GB', phone_number: '07911 123458' };
    const prove = async (path: string, secret: string) => {
      const ask = { client_secret: secret, send_attempt: 1, ...number };
      const { sid, submit_url: url } = await alice.ok('POST', path, ask);
      const token = gateway.code;
      const submit = { sid, client_secret: secret, token };
      await alice.ok('POST', new URL(String(url)).pathname, submit);
      return { sid, client_secret: secret };
    };
    const free = await prove('/v3/register/msisdn/requestToken', 'new');
    await alice.fails(400, 'M_NO_VALID_SESSION', 'POST', '/v3/account/3pid', { three_pid_creds: free });
    const creds = await prove('/v3/account/3pid/msisdn/requestToken', 'add');
    const unused = { id_server: 'identity.test', id_access_token: 'not bound without being asked' };
    await alice.ok('POST', '/v3/account/3pid', { three_pid_creds: { ...creds, ...unused } });
    assert.equal((await alice.ok('GET', '/v3/account/3pid')).threepids[0].address, '447911123458');
    const taken = { client_secret: 'second', send_attempt: 1, ...number };
    await alice.fails(400, 'M_THREEPID_IN_USE', 'POST', '/v3/register/msisdn/requestToken', taken);

    const proof = await prove('/v3/account/password/msisdn/requestToken', 'forgotten');
    await s.anonymous().ok('POST', '/v3/account/password', {
      new_password: 'another password',
      auth: { type: 'm.login.msisdn', threepid_creds: proof },
    });
    const identifier = { type: 'm.id.user', user: 'alice' };
    const login = { type: 'm.login.password', identifier, password: 'another password' };
    assert.equal((await s.anonymous().ok('POST', '/v3/login', login)).user_id, alice.userId);
  },
  { env: { MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8', MYELIN_THREEPIDS_SMS_URL: gateway.url } },
);

onServers(
  'completes the proof of a phone number on its page [B010]',
  async ({ anonymous }) => {
    const client = anonymous();
    const wishes = { username: 'bob', password: 'bob password' };
    const { session, flows } = (await client.ask('POST', '/v3/register', wishes)).body;
    assert.deepEqual(flows, [{ stages: ['m.login.msisdn'] }]);
    const browser = new TestBrowser(client.base);
    await browser.open(`/_matrix/client/v3/auth/m.login.msisdn/fallback/web?session=${session}`);
    await browser.submit({ country: 'GB', address: '07911 123459' });
    await browser.submit({ code: 'wrong' });
    assert.equal(browser.page.status, 400);
    await browser.submit({ code: gateway.code });
    assert.match(browser.page.html, /onAuthDone/);
    const done = await client.ok('POST', '/v3/register', { ...wishes, auth: { session } });
    assert.equal(done.user_id, '@bob:localhost');
  },
  {
    env: {
      MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
      MYELIN_THREEPIDS_SMS_URL: gateway.url,
      MYELIN_THREEPIDS_REGISTRATION_MSISDN: 'required',
    },
  },
);
