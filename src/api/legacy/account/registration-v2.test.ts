import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import assert from 'node:assert/strict';
import { after, describe } from 'node:test';
import { onFederation } from '../../../testing/federation/federation.ts';
import { proveAddress } from '../../../testing/identity/identity-client.ts';
import { MailSink } from '../../../testing/gateways/mail-sink.ts';
import { TestClient, type Json } from '../../../testing/client/test-client.ts';

const REGISTER = '/_matrix/client/v2_alpha/register';
const IDENTITY = '/_matrix/identity/api/v1';

const sink = await MailSink.start();
const folder = mkdtempSync(join(tmpdir(), 'myelin-registration-'));
/** Of an application service that has names for itself alone. */
const service = join(folder, 'service.yaml');
writeFileSync(
  service,
  JSON.stringify({
    id: 'bridge',
    url: null,
    as_token: 'as token',
    hs_token: 'hs token',
    sender_localpart: 'bridge',
    namespaces: { users: [{ exclusive: true, regex: '@irc_.*' }], aliases: [], rooms: [] },
  }),
);
after(async () => {
  rmSync(folder, { recursive: true });
  await sink.close();
});

describe('2015: registration', () => {
  onFederation(
    'registration as version 2 had it: what is asked for is looked at first, and the address is bound at the identity server where that is wished [A019] [A020 partial]',
    async ({ a, identity }) => {
      const client = a.client(undefined);
      const serverOfIdentities = identity.client(undefined);
      const register = (wishes: object) => client.ask('POST', REGISTER, wishes);
      /** Registers with an address that the identity server has proven. */
      const withAddress = async (address: string, wishes: object): Promise<Json> => {
        const creds = await proveAddress(serverOfIdentities, sink, address, IDENTITY);
        const asked = await register(wishes);
        assert.equal(asked.status, 401, JSON.stringify(asked.body));
        assert.ok(asked.body.flows.some(({ stages }: Json) => stages.includes('m.login.email.identity')));
        const { session } = asked.body;
        const threepidCreds = [{ ...creds, id_server: identity.name }];
        const auth = { type: 'm.login.email.identity', session, threepidCreds };
        return client.ok('POST', REGISTER, { ...wishes, auth });
      };
      const whoseIs = (address: string): Promise<Json> =>
        serverOfIdentities.ok('GET', `${IDENTITY}/lookup?medium=email&address=${address}`);

      const wishes = { username: 'alice', password: 'alice password' };
      const made = await withAddress('alice@example.org', { ...wishes, bind_email: true });
      assert.equal(made.user_id, `@alice:${a.name}`);
      assert.equal(made.home_server, a.name);
      const alice = new TestClient(client.base, made.access_token);
      assert.equal((await alice.ok('GET', '/v3/account/whoami')).user_id, made.user_id);
      const renewed = await client.ok('POST', '/_matrix/client/v2_alpha/tokenrefresh', {
        refresh_token: made.refresh_token,
      });
      assert.ok(renewed.access_token);
      const association = await whoseIs('alice@example.org');
      assert.equal(association.mxid, made.user_id);
      assert.ok(association.signatures[identity.name], 'the identity server vouches for it');

      const unbound = { username: 'bob', password: 'bob password' };
      for (const [address, wish] of [
        ['bob@example.org', unbound],
        ['carol@example.org', { ...unbound, username: 'carol', bind_email: false }],
      ] as const) {
        await withAddress(address, wish);
        assert.deepEqual(await whoseIs(address), {}, 'nobody is told of it unasked');
      }

      const unnamed = await withAddress('dora@example.org', { password: 'dora password' });
      assert.match(unnamed.user_id, /^@[a-z0-9]+:localhost/);
      const login = { type: 'm.login.password', user: unnamed.user_id, password: 'dora password' };
      await client.ok('POST', '/_matrix/client/api/v1/login', login);

      await client.fails(400, 'M_USER_IN_USE', 'POST', REGISTER, wishes);
      await client.fails(400, 'M_EXCLUSIVE', 'POST', REGISTER, { ...wishes, username: 'irc_alice' });
      const { session } = (await register({})).body;
      const dummy = { type: 'm.login.dummy', session };
      await client.fails(400, 'M_BAD_JSON', 'POST', REGISTER, { username: 'erin', auth: dummy });
      const late = { username: 'erin', password: 'erin password' };
      const first = (await register(late)).body.session;
      await client.ok('POST', REGISTER, { ...late, auth: dummy });
      const taken = { ...late, auth: { type: 'm.login.dummy', session: first } };
      await client.fails(400, 'M_USER_IN_USE', 'POST', REGISTER, taken);
    },
    {
      servers: 1,
      identity: { MYELIN_MAIL_SMTP_URL: sink.url },
      env: {
        MYELIN_MAIL_SMTP_URL: sink.url,
        MYELIN_THREEPIDS_REGISTRATION_EMAIL: 'optional',
        MYELIN_APPLICATION_SERVICES_FILES: service,
      },
    },
  );
});
