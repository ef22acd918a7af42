import assert from 'node:assert/strict';
import { mock, test } from 'node:test';
import type { UnitOfWork } from '../../../storage/unit-of-work.ts';
import { WatchedDatabase } from '../../../storage/watched-database.ts';
import { MailSink } from '../../../testing/gateways/mail-sink.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { passwordAuth, pressButton } from '../../../testing/client/address-proofs.ts';
import type { TestClient } from '../../../testing/client/test-client.ts';

const sink = await MailSink.start();
test.after(() => sink.close());

const env = { MYELIN_MAIL_SMTP_URL: sink.url };

async function withAddress(client: TestClient, name: string, to: string): Promise<void> {
  const ask = { client_secret: 'secret', email: to, send_attempt: 1 };
  const { sid } = await client.ok('POST', '/v3/account/3pid/email/requestToken', ask);
  await sink.arrived(to);
  await pressButton(client, sink.link(to));
  await client.ok('POST', '/v3/account/3pid/add', { sid, client_secret: 'secret', auth: passwordAuth(name) });
}

onServers(
  'whoever proves who they are by their password may be named by their address [B014 partial]',
  async (s) => {
    const [alice, bob] = [await s.person('alice'), await s.person('bob')];
    const to = `named-${s.place.engine}@example.org`;
    await withAddress(alice, 'alice', to);
    const identifier = { type: 'm.id.thirdparty', medium: 'email', address: to };
    const login = { type: 'm.login.password', identifier, password: 'alice password' };
    const { device_id: other } = await s.anonymous().ok('POST', '/v3/login', login);
    const theirs = { ...login, password: 'bob password' };
    await bob.fails(403, 'M_FORBIDDEN', 'DELETE', `/v3/devices/${bob.deviceId}`, { auth: theirs });
    await alice.ok('DELETE', `/v3/devices/${other}`, { auth: login });
  },
  { env },
);

onServers(
  'a password that is refused does not use up the mail by which another may be set [B014 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const to = `weak-${s.place.engine}@example.org`;
    await withAddress(alice, 'alice', to);
    const ask = { client_secret: 'other', email: to, send_attempt: 1 };
    const { sid } = await s.anonymous().ok('POST', '/v3/account/password/email/requestToken', ask);
    await pressButton(alice, sink.link(to, 2));
    const auth = { type: 'm.login.email.identity', threepid_creds: { sid, client_secret: 'other' } };
    const set = { new_password: 'a much better password', auth };
    const path = '/v3/account/password';
    await s.anonymous().fails(400, 'M_WEAK_PASSWORD', 'POST', path, { ...set, new_password: 'x' });
    await s.anonymous().ok('POST', path, set);
  },
  { env },
);

onServers(
  'an attempt whose mail could not be sent may be made again, and fails again [B014 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const ask = { client_secret: 'secret', email: 'alice@example.org', send_attempt: 1 };
    for (let attempt = 0; attempt < 2; attempt++) {
      const { status } = await alice.ask('POST', '/v3/account/3pid/email/requestToken', ask);
      assert.notEqual(status, 200, 'nobody is told of a mail that there is not');
    }
  },
  { env: { ...env, MYELIN_MAIL_SMTP_URL: 'smtp://127.0.0.1:9' } },
);

onServers(
  'a server that keeps addresses to itself does so while no mail can be sent, too [B014 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const to = `hidden-${s.place.engine}@example.org`;
    await withAddress(alice, 'alice', to);
    const ask = (email: string) =>
      s.anonymous().ask('POST', '/v3/account/password/email/requestToken', {
        ...{ client_secret: 'other', send_attempt: 1, email },
      });
    assert.equal((await ask(to)).status, 200);
    assert.equal((await ask('nobody@example.org')).status, 200);
    await sink.arrived(to, 2);
    assert.equal(sink.count('nobody@example.org'), 0);
    await s.restart({ MYELIN_MAIL_SMTP_URL: 'smtp://127.0.0.1:9' });
    const again = { client_secret: 'again', send_attempt: 1 };
    for (const email of [to, 'nobody@example.org']) {
      const path = '/v3/account/password/email/requestToken';
      await s.anonymous().ok('POST', path, { ...again, email });
    }
  },
  { env: { ...env, MYELIN_THREEPIDS_HIDE_EXISTENCE: 'true' } },
);

onServers(
  'a link that is opened at the moment in which another is sent is told to be the old one',
  async (s) => {
    const alice = await s.person('alice');
    const to = `late-${s.place.engine}@example.org`;
    const ask = (attempt: number) =>
      alice.ok('POST', '/v3/account/3pid/email/requestToken', {
        ...{ client_secret: 'late', email: to, send_attempt: attempt },
      });
    await ask(1);
    await sink.arrived(to);
    const { commit } = WatchedDatabase.prototype;
    const mocked = mock.method(
      WatchedDatabase.prototype,
      'commit',
      async function (this: WatchedDatabase, unit: UnitOfWork) {
        await commit.call(this, unit);
        if (!unit.guards.some(({ statement }) => statement.text.includes('SET tries = tries + 1'))) return;
        mocked.mock.restore();
        await ask(2);
      },
    );
    const old = await pressButton(alice, sink.link(to));
    mocked.mock.restore();
    assert.equal(old.status, 400);
    assert.match(await old.text(), /not the code that was sent last/);
    await sink.arrived(to, 2);
    assert.equal((await pressButton(alice, sink.link(to, 2))).status, 200);
  },
  { env },
);
