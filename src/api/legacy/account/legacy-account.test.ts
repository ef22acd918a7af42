import assert from 'node:assert/strict';
import { after, describe } from 'node:test';
import { encodeMacaroon, parseMacaroon, withCaveat } from '../../../protocol/macaroon.ts';
import { MailSink } from '../../../testing/gateways/mail-sink.ts';
import { TestBrowser } from '../../../testing/client/test-browser.ts';
import { TestClient, type Json } from '../../../testing/client/test-client.ts';
import { onServers, type TestServer } from '../../../testing/server/test-server.ts';

const V1 = '/_matrix/client/api/v1';
const V2 = '/_matrix/client/v2_alpha';
const WHOAMI = '/v3/account/whoami';

const mails = await MailSink.start();
after(async () => {
  await mails.close();
});

/** A clock that tests move. */
const time = { ms: Date.now(), now: () => time.ms };

function caveatsOf(token: string): readonly string[] {
  return parseMacaroon(token)?.caveats ?? [];
}

async function v1Login({ anonymous }: TestServer, user: string): Promise<Json> {
  const body = { type: 'm.login.password', user, password: `${user} password` };
  return anonymous().ok('POST', `${V1}/login`, body);
}

describe('2015: accounts', () => {
  onServers('log-in by password as version 1 had it [A022]', async (server) => {
    await server.person('alice');
    const client = server.anonymous();
    const { flows } = await client.ok('GET', `${V1}/login`);
    assert.deepEqual(flows, [{ type: 'm.login.password' }, { type: 'm.login.token' }]);
    const session = await v1Login(server, 'alice');
    assert.equal(session.user_id, '@alice:localhost');
    assert.equal(session.home_server, 'localhost');
    assert.ok(session.refresh_token);
    await new TestClient(client.base, session.access_token).ok('GET', WHOAMI);
    const byId = { type: 'm.login.password', user: '@alice:localhost', password: 'alice password' };
    await client.ok('POST', `${V1}/login`, byId);
    await client.fails(403, 'M_FORBIDDEN', 'POST', `${V1}/login`, { ...byId, password: 'wrong password' });
    for (const type of ['m.login.other', 'm.login.application_service'])
      await client.fails(400, 'M_UNKNOWN', 'POST', `${V1}/login`, { ...byId, type });
  });

  onServers(
    'a refresh token of 2015 is used up at once, and its access token with it [A023]',
    async (server) => {
      await server.person('alice');
      const client = server.anonymous();
      const first = await v1Login(server, 'alice');
      const old = { refresh_token: first.refresh_token };
      const second = await client.ok('POST', `${V2}/tokenrefresh`, old);
      assert.notEqual(second.refresh_token, first.refresh_token);
      await client.fails(403, 'M_FORBIDDEN', 'POST', `${V1}/tokenrefresh`, old);
      await new TestClient(client.base, first.access_token).fails(401, 'M_UNKNOWN_TOKEN', 'GET', WHOAMI);
      const me = await new TestClient(client.base, second.access_token).ok('GET', WHOAMI);
      assert.equal(me.user_id, '@alice:localhost');
      const both = await Promise.all(
        [1, 2, 3].map(() =>
          client.ask('POST', `${V1}/tokenrefresh`, { refresh_token: second.refresh_token }),
        ),
      );
      assert.deepEqual(both.map(({ status }) => status).sort(), [200, 403, 403]);
      await client.fails(403, 'M_FORBIDDEN', 'POST', `${V1}/tokenrefresh`, { refresh_token: 'made up' });
    },
  );

  onServers(
    'tokens are macaroons: their holder can narrow them, and nothing that is not understood is let through [A024]',
    async (server) => {
      await server.person('alice');
      const { access_token: access, refresh_token: refresh } = await v1Login(server, 'alice');
      assert.deepEqual(caveatsOf(access), ['gen = 1', 'user_id = @alice:localhost', 'type = access']);
      assert.deepEqual(caveatsOf(refresh), ['gen = 1', 'user_id = @alice:localhost', 'type = refresh']);
      const narrowed = (...caveats: string[]) => {
        let macaroon = parseMacaroon(access);
        for (const caveat of caveats) macaroon = macaroon && withCaveat(macaroon, caveat);
        return new TestClient(server.anonymous().base, macaroon && encodeMacaroon(macaroon));
      };
      for (const caveats of [
        ['user_id = @alice:localhost'],
        ['type = access'],
        [`time < ${time.ms + 60_000}`],
        [`time > ${time.ms - 60_000}`, 'gen = 1'],
      ]) {
        assert.equal((await narrowed(...caveats).ok('GET', WHOAMI)).user_id, '@alice:localhost');
      }
      for (const caveat of [
        'user_id = @bob:localhost',
        'user_id != @bob:localhost',
        'type = refresh',
        'gen = 2',
        `time < ${time.ms - 1}`,
        `time > ${time.ms + 60_000}`,
        'time < soon',
        'colour = red',
        'nonsense',
        '',
      ]) {
        await narrowed(caveat).fails(401, 'M_UNKNOWN_TOKEN', 'GET', WHOAMI);
      }
      const soon = narrowed(`time < ${time.ms + 1_000}`);
      await soon.ok('GET', WHOAMI);
      time.ms += 1_000;
      await soon.fails(401, 'M_UNKNOWN_TOKEN', 'GET', WHOAMI);
      const other = new TestClient(server.anonymous().base, refresh);
      await other.fails(401, 'M_UNKNOWN_TOKEN', 'GET', WHOAMI);
      await other.fails(403, 'M_FORBIDDEN', 'POST', `${V1}/tokenrefresh`, { refresh_token: access });
      const [parsed] = [parseMacaroon(access)];
      const widened = parsed && encodeMacaroon({ ...parsed, caveats: parsed.caveats.slice(0, 2) });
      const forged = new TestClient(server.anonymous().base, widened);
      await forged.fails(401, 'M_UNKNOWN_TOKEN', 'GET', WHOAMI);
      await server.restart();
      const later = new TestClient(server.anonymous().base, access);
      assert.equal((await later.ok('GET', WHOAMI)).user_id, '@alice:localhost');
    },
    { overrides: { clock: time } },
  );

  /** A login token of somebody who has a client. */
  async function loginToken(client: TestClient, user: string): Promise<string> {
    const auth = { type: 'm.login.password', user, password: `${user} password` };
    return (await client.ok('POST', '/v1/login/get_token', { auth })).login_token;
  }

  onServers(
    'a login token is a macaroon for one transaction, until what came of it is used [A014]',
    async (server) => {
      const [alice, client] = [await server.person('alice'), server.anonymous()];
      const token = await loginToken(alice, 'alice');
      const [gen, user, type, until] = caveatsOf(token);
      assert.deepEqual([gen, user, type], ['gen = 1', 'user_id = @alice:localhost', 'type = login']);
      assert.equal(until, `time < ${time.ms + 120_000}`);
      const body = { type: 'm.login.token', user: 'alice', token, txn_id: 'one' };
      await client.fails(403, 'M_FORBIDDEN', 'POST', `${V1}/login`, { ...body, user: 'bob' });
      await client.ok('POST', `${V1}/login`, body);
      await client.fails(403, 'M_FORBIDDEN', 'POST', `${V1}/login`, { ...body, txn_id: 'two' });
      await client.fails(403, 'M_FORBIDDEN', 'POST', '/v3/login', { type: 'm.login.token', token });
      const again = await client.ok('POST', `${V1}/login`, body);
      const me = await new TestClient(client.base, again.access_token).ok('GET', WHOAMI);
      assert.equal(me.user_id, '@alice:localhost');
      await client.fails(403, 'M_FORBIDDEN', 'POST', `${V1}/login`, body);
      const late = { ...body, token: await loginToken(alice, 'alice') };
      time.ms += 120_000;
      await client.fails(403, 'M_FORBIDDEN', 'POST', `${V1}/login`, late);

      const path = `${V2}/account/password`;
      const change = { new_password: 'another password' };
      const { flows, session } = (await alice.ask('POST', path, change)).body;
      assert.ok(flows.some(({ stages }: Json) => stages.join(' ') === 'm.login.token'));
      const auth = { ...body, token: await loginToken(alice, 'alice'), session };
      assert.equal(
        (await alice.ask('POST', path, { ...change, auth: { ...auth, user: 'bob' } })).status,
        401,
      );
      await alice.ok('POST', path, { ...change, auth });
      const login = { type: 'm.login.password', user: 'alice', password: 'another password' };
      await client.ok('POST', `${V1}/login`, login);
    },
    { overrides: { clock: time } },
  );

  onServers(
    'registration in stages as version 1 had it [A021] [A018 partial]',
    async ({ anonymous }) => {
      const client = anonymous();
      const { flows } = await client.ok('GET', `${V1}/register`);
      const stages = ['m.login.registration_token', 'm.login.terms', 'm.login.password'];
      assert.deepEqual(flows, [{ type: stages[0], stages }]);
      const token = { type: stages[0], token: 'letmein' };
      await client.fails(401, 'M_UNAUTHORIZED', 'POST', `${V1}/register`, { ...token, token: 'wrong' });
      await client.fails(400, 'M_BAD_JSON', 'POST', `${V1}/register`, { type: stages[0] });
      const first = await client.ok('POST', `${V1}/register`, token);
      assert.equal(first.next, 'm.login.terms');
      const { session } = first;
      const last = { type: 'm.login.password', user: 'bob', password: 'bob password', session };
      await client.fails(400, 'M_UNKNOWN', 'POST', `${V1}/register`, last);
      await client.fails(400, 'M_UNKNOWN', 'POST', `${V1}/register`, { type: 'm.login.other', session });
      const second = await client.ok('POST', `${V1}/register`, { type: 'm.login.terms', session });
      assert.equal(second.next, 'm.login.password');
      const done = await client.ok('POST', `${V1}/register`, last);
      assert.equal(done.user_id, '@bob:localhost');
      await new TestClient(client.base, done.access_token).ok('GET', WHOAMI);
      const page = await client.ok('GET', `${V1}/login/fallback`);
      assert.match(page, /<form id="form">/);
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
    'registration without further stages is one request, in version 1 and, with the stage that proves nothing, in version 2 [A017] [A019 partial] [A021 partial]',
    async ({ anonymous }) => {
      const client = anonymous();
      assert.deepEqual(await client.ok('GET', `${V1}/register`), { flows: [{ type: 'm.login.password' }] });
      const body = { type: 'm.login.password', user: 'bob', password: 'bob password' };
      assert.equal((await client.ok('POST', `${V1}/register`, body)).user_id, '@bob:localhost');
      await client.fails(400, 'M_USER_IN_USE', 'POST', `${V1}/register`, body);
      const wishes = { username: 'carol', password: 'carol password' };
      const asked = await client.ask('POST', `${V2}/register`, wishes);
      assert.equal(asked.status, 401);
      assert.deepEqual(asked.body.flows, [{ stages: ['m.login.dummy'] }]);
      const auth = { type: 'm.login.dummy', session: asked.body.session };
      const done = await client.ok('POST', `${V2}/register`, { ...wishes, auth });
      assert.equal(done.user_id, '@carol:localhost');
      assert.equal(done.home_server, 'localhost');
      assert.ok(done.access_token && done.refresh_token);
      const unnamed = await client.ok('POST', `${V2}/register`, {
        password: 'unnamed password',
        auth: { type: 'm.login.dummy' },
      });
      assert.match(unnamed.user_id, /^@\w+:localhost$/);
    },
  );

  onServers(
    'log-in by a mail, with a code or a link [A021 partial]',
    async ({ anonymous, place }) => {
      const client = anonymous();
      const address = `erin-${place.engine}@example.org`;
      const wishes = { username: 'erin', password: 'erin password' };
      const { session } = (await client.ask('POST', '/v3/register', wishes)).body;
      const ask = { client_secret: 'secret', email: address, send_attempt: 1 };
      const { sid } = await client.ok('POST', '/v3/register/email/requestToken', ask);
      const open = async (nth: number) => {
        await mails.arrived(address, nth);
        const link = mails.link(address, nth);
        const browser = new TestBrowser(client.base);
        await browser.open(link.pathname + link.search);
        await browser.submit({});
      };
      await open(1);
      const creds = { sid, client_secret: 'secret' };
      const proof = { type: 'm.login.email.identity', threepid_creds: creds, session };
      await client.ok('POST', '/v3/register', { ...wishes, auth: proof });

      const { flows } = await client.ok('GET', `${V1}/login`);
      const types = flows.map(({ type }: Json) => type);
      assert.ok(types.includes('m.login.email.code') && types.includes('m.login.email.url'));
      const erin = { user: 'erin', email: address };
      const byUrl = { type: 'm.login.email.url', ...erin };
      const asked = await client.ok('POST', `${V1}/login`, byUrl);
      assert.equal(asked.type, 'm.login.email.url');
      const poll = { type: asked.type, session: asked.session };
      await client.fails(401, 'M_UNAUTHORIZED', 'POST', `${V1}/login`, poll);
      await open(2);
      assert.equal((await client.ok('POST', `${V1}/login`, poll)).user_id, '@erin:localhost');
      await client.fails(403, 'M_FORBIDDEN', 'POST', `${V1}/login`, poll);

      const byCode = { type: 'm.login.email.code', ...erin };
      const { session: coded } = await client.ok('POST', `${V1}/login`, byCode);
      const [, code = ''] = /The code is (\d{6})/.exec(await mails.arrived(address, 3)) ?? [];
      const wrong = { type: byCode.type, session: coded, code: code === '000000' ? '000001' : '000000' };
      await client.fails(403, 'M_FORBIDDEN', 'POST', `${V1}/login`, wrong);
      const right = { ...wrong, code };
      assert.equal((await client.ok('POST', `${V1}/login`, right)).user_id, '@erin:localhost');

      const others = { ...byUrl, email: 'mallory@example.org' };
      const nothing = await client.ok('POST', `${V1}/login`, others);
      assert.ok(nothing.session, 'nothing tells whose address it is');
      assert.equal(mails.count('mallory@example.org'), 0);
    },
    { env: { MYELIN_MAIL_SMTP_URL: mails.url, MYELIN_THREEPIDS_REGISTRATION_EMAIL: 'optional' } },
  );
});
