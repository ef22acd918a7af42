import assert from 'node:assert/strict';
import { test } from 'node:test';
import { createClient, type MatrixClient } from 'matrix-js-sdk';
import { onBothEngines } from '../../src/testing/server/engines.ts';
import { MailSink } from '../../src/testing/gateways/mail-sink.ts';
import { TextGateway } from '../../src/testing/gateways/text-gateway.ts';
import { freePort } from '../../src/testing/server/free-port.ts';
import { ServerProcess } from '../server-process.ts';
import { quiet, register, until } from './person.ts';

const sink = await MailSink.start();
const gateway = await TextGateway.start();
test.after(async () => {
  await sink.close();
  gateway.close();
});

/** A person with a client that knows an identity server. */
interface Person {
  readonly client: MatrixClient;
  readonly token: string;
}

onBothEngines(
  'people with matrix-js-sdk prove addresses, are found by them, and invited ' +
    '[B079 partial] [B126 partial] [B128 partial] [B129 partial] [B130 partial] [B131 partial]',
  async (place) => {
    const name = `127.0.0.1:${await freePort()}`;
    const url = `http://${name}`;
    const server = await ServerProcess.start({
      ...place.env,
      MYELIN_LISTEN_PORT: name.split(':')[1] ?? '',
      MYELIN_PUBLIC_BASE_URL: url,
      MYELIN_ROLES: 'client,federation,identity',
      MYELIN_IDENTITY_SERVER_NAME: name,
      MYELIN_THREEPIDS_PLAIN_IDENTITY_SERVERS: name,
      MYELIN_THREEPIDS_SMS_URL: gateway.url,
      MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
      MYELIN_MAIL_SMTP_URL: sink.url,
    });
    const open: MatrixClient[] = [];
    try {
      const [alice, bob] = await Promise.all(['alice', 'bob'].map((one) => come(url, one)));
      assert.ok(alice && bob);
      open.push(alice.client, bob.client);
      const address = `bob-${place.engine}@example.org`;
      const { room_id: byBinding } = await alice.client.createRoom({});
      await alice.client.inviteByEmail(byBinding, address);
      await sink.arrived(address);
      await bindMail(bob, address, name);
      await until(bob.client, 'the invitation', () => membership(bob.client, byBinding) === 'invite');
      await bob.client.joinRoom(byBinding);
      await until(alice.client, 'bob in the room', () => joined(alice.client, byBinding) === 2);

      const number = await bindPhone(bob, name);
      const found = await alice.client.identityHashedLookup(
        [
          [address, 'email'],
          [number, 'msisdn'],
          ['nobody@example.org', 'email'],
        ],
        alice.token,
      );
      assert.deepEqual(found.map((one) => [one.address, one.mxid]).sort(), [
        [number, bob.client.getSafeUserId()],
        [address, bob.client.getSafeUserId()],
      ]);

      const other = `other-${place.engine}@example.org`;
      const { room_id: byLink } = await alice.client.createRoom({ name: 'The den' });
      await alice.client.inviteByEmail(byLink, other);
      await sink.arrived(other);
      const link = new URLSearchParams(sink.link(other).hash.split('?')[1]);
      assert.equal(link.get('room_name'), 'The den');
      await bob.client.joinRoom(byLink, { inviteSignUrl: link.get('signurl') ?? '' });
      await until(alice.client, 'bob in the other room', () => joined(alice.client, byLink) === 2);
    } finally {
      for (const client of open) client.stopClient();
      await server.stop();
    }
  },
);

/** Makes an account at the homeserver, and one at the identity server with what the homeserver vouches for. */
async function come(url: string, name: string): Promise<Person> {
  const login = await register(url, name);
  const first = createClient({ baseUrl: url, idBaseUrl: url, ...login, logger: quiet });
  const { token } = await first.registerWithIdentityServer(await first.getOpenIdToken());
  const identityServer = { getAccessToken: () => Promise.resolve(token) };
  const client = createClient({ baseUrl: url, idBaseUrl: url, ...login, identityServer, logger: quiet });
  await client.startClient();
  return { client, token };
}

async function bindMail({ client, token }: Person, address: string, name: string): Promise<void> {
  const before = sink.count(address);
  const secret = client.generateClientSecret();
  const { sid } = await client.requestEmailToken(address, secret, 1, undefined, token);
  await sink.arrived(address, before + 1);
  const link = sink.link(address, before + 1);
  await fetch(new URL(link.pathname, `http://${name}`), { method: 'POST', body: link.searchParams });
  await client.bindThreePid({ sid, client_secret: secret, id_server: name, id_access_token: token });
}

/** Gives the number as it is looked up. */
async function bindPhone({ client, token }: Person, name: string): Promise<string> {
  const secret = client.generateClientSecret();
  const { sid } = await client.requestMsisdnToken('GB', '07911 123456', secret, 1, undefined, token);
  await client.submitMsisdnToken(sid, secret, gateway.code, token);
  await client.bindThreePid({ sid, client_secret: secret, id_server: name, id_access_token: token });
  return '447911123456';
}

function membership(client: MatrixClient, roomId: string): string | undefined {
  return client.getRoom(roomId)?.getMyMembership();
}

function joined(client: MatrixClient, roomId: string): number | undefined {
  return client.getRoom(roomId)?.getJoinedMemberCount();
}
