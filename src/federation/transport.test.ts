import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { once } from 'node:events';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { connect } from 'node:tls';
import { serverName } from '../protocol/identifiers.ts';
import type { JsonObject } from '../protocol/json.ts';
import { SigningKey, signJson, VerifyKey, verifyJson } from '../protocol/signing.ts';
import { onFederation, type FederatingServer } from '../testing/federation/federation.ts';
import type { FederationError } from './federation-error.ts';
import { authorizationOf, parseXMatrix } from './x-matrix.ts';

/** A public key that a server had before. */
const OLD_KEY = SigningKey.fromSeed('ed25519:old', Buffer.alloc(32, 3)).publicKey;

function send(from: FederatingServer, to: FederatingServer, body: JsonObject, txnId = 't1') {
  const path = `/_matrix/federation/v1/send/${txnId}`;
  return from.server.services.federationClient.request(to.name, { method: 'PUT', path, body });
}

onFederation(
  'servers sign requests to each other and are believed [B097] [B099 partial]',
  async ({ a, b }) => {
    assert.deepEqual(await send(a, b, { pdus: [], edus: [] }), { pdus: {} });
    const version = await b.server.services.federationClient.request(a.name, {
      method: 'GET',
      path: '/_matrix/federation/v1/version',
      signed: false,
    });
    assert.equal((version.server as JsonObject).name, 'Myelin');
  },
);

onFederation(
  'a transaction that comes again gets the same answer, and one that is too large none [A103 partial]',
  async ({ a, b }) => {
    const taken: unknown[] = [];
    b.server.services.eduHandlers.on('test.edu', (origin, content) => {
      taken.push([origin, content]);
      return Promise.resolve();
    });
    const edus = [{ edu_type: 'test.edu', content: { n: 1 } }, { edu_type: 'test.unknown', content: {} }, 7];
    const first = await send(a, b, { pdus: [], edus }, 'once');
    const second = await send(a, b, { pdus: [], edus }, 'once');
    assert.deepEqual(first, second);
    assert.deepEqual(taken, [[a.name, { n: 1 }]]);
    for (const body of [
      { pdus: Array.from({ length: 51 }, () => ({})) },
      { pdus: [], edus: Array.from({ length: 101 }, () => ({})) },
    ]) {
      await assert.rejects(send(a, b, body, 'large'), (error: FederationError) => error.status === 400);
    }
  },
);

onFederation(
  'a server publishes its keys, and others vouch for them [B098] [A097 partial] [A099 partial]',
  async ({ a, b }) => {
    const get = async (from: FederatingServer, path: string) =>
      (await (await fetch(from.server.url + path)).json()) as JsonObject;
    const own = await get(a, '/_matrix/key/v2/server');
    assert.equal(own.server_name, a.name);
    assert.ok((own.valid_until_ts as number) > Date.now() + 3_600_000);
    const [[keyId, entry] = ['', {}]] = Object.entries(own.verify_keys as Record<string, { key?: string }>);
    const key = VerifyKey.of(entry.key ?? '');
    assert.ok(verifyJson(own, a.name, keyId, key));
    const bound = await get(a, `/_matrix/key/v2/server/${keyId}`);
    assert.deepEqual(bound.verify_keys, own.verify_keys);
    for (const answer of [
      await get(b, `/_matrix/key/v2/query/${a.name}`),
      (await (
        await fetch(`${b.server.url}/_matrix/key/v2/query`, {
          method: 'POST',
          body: JSON.stringify({
            server_keys: { [a.name]: { [keyId]: { minimum_valid_until_ts: Date.now() } } },
          }),
        })
      ).json()) as JsonObject,
    ]) {
      const [vouched] = answer.server_keys as JsonObject[];
      assert.ok(vouched);
      assert.ok(verifyJson(vouched, a.name, keyId, key));
      const notary = b.server.services.ownKeys.answer().verify_keys as Record<string, { key: string }>;
      const [[notaryKeyId, notaryKey] = ['', { key: '' }]] = Object.entries(notary);
      assert.ok(verifyJson(vouched, b.name, notaryKeyId, VerifyKey.of(notaryKey.key)));
    }
    await a.stop();
    const offline = await get(b, `/_matrix/key/v2/query/${a.name}`);
    assert.equal(
      (offline.server_keys as JsonObject[]).length,
      1,
      'a server that is gone is still vouched for',
    );
    const unknown = await get(b, '/_matrix/key/v2/query/localhost:1');
    assert.deepEqual(unknown, { server_keys: [] });
  },
);

onFederation('a server that does not answer is left in peace until it is heard of', async ({ a, b }) => {
  const { backOff } = a.server.services;
  await b.stop();
  await assert.rejects(send(a, b, {}), (error: FederationError) => error.reason === 'unreachable');
  assert.ok(await backOff.failingSince(b.name));
  await b.start();
  const heard = new Promise<string>((resolve) => backOff.onHeard(resolve));
  await send(b, a, { pdus: [] });
  assert.equal(await heard, b.name);
  assert.equal(await backOff.waitMs(b.name), 0);
  await send(a, b, { pdus: [] });
});

/** How far the clock of the next server is ahead, in milliseconds. */
let ahead = 0;

onFederation(
  'a clock that is set back leaves no server in peace for longer',
  async ({ a, startRemote }) => {
    const { backOff } = a.server.services;
    const remote = await startRemote();
    await backOff.failed(remote.name);
    ahead = -10 * 60 * 60 * 1000;
    assert.equal(await backOff.waitMs(remote.name), 0);
    await backOff.failed(remote.name);
    const waitMs = await backOff.waitMs(remote.name);
    assert.ok(waitMs > 0 && waitMs < 3_000_000, `${waitMs} ms`);
    ahead = 0;
  },
  {
    servers: 1,
    env: { MYELIN_FEDERATION_RETRY_FIRST: '1000' },
    overrides: { clock: { now: () => Date.now() + ahead } },
  },
);

onFederation(
  'a certificate for another name, or of an unknown authority, is not believed [A130]',
  async ({ a, authority }) => {
    const { certificate, key } = authority.issue('elsewhere.test');
    const listener = createTlsServer({ cert: certificate, key }, (_request, response) => response.end('{}'));
    await new Promise<void>((resolve) => listener.listen(0, '127.0.0.1', resolve));
    const name = serverName(`localhost:${(listener.address() as AddressInfo).port}`);
    try {
      await assert.rejects(
        a.server.services.federationClient.request(name, { method: 'GET', path: '/' }),
        (error: FederationError) => error.reason === 'unreachable',
      );
    } finally {
      listener.close();
    }
  },
);

void test('the Authorization header is read in all its forms [B099 partial]', () => {
  const whole = { origin: 'a.test:1', destination: 'b.test', key: 'ed25519:k', sig: 'abc+/' };
  for (const header of [
    'X-Matrix origin="a.test:1",destination="b.test",key="ed25519:k",sig="abc+/"',
    'x-matrix  ORIGIN=a.test:1 ,\tdestination=b.test, key="ed25519:k",sig=abc+/',
    'X-Matrix sig="abc\\+/",key="ed25519:k",other=x,origin="a.test:1",destination="b.test"',
  ]) {
    assert.deepEqual(parseXMatrix(header), whole, header);
  }
  const withoutDestination = 'X-Matrix origin=a.test:1,key="ed25519:k",sig="abc+/"';
  assert.deepEqual(parseXMatrix(withoutDestination), { ...whole, destination: undefined });
  for (const header of ['Bearer x', 'X-Matrix origin="a', 'X-Matrix origin=a key=b sig=c', 'X-Matrix =a']) {
    assert.equal(parseXMatrix(header), undefined, header);
  }
});

void test('a signed request says what it is signed for', () => {
  const key = SigningKey.fromSeed('ed25519:1', Buffer.alloc(32, 1));
  const request = {
    method: 'GET',
    uri: '/_matrix/x?y=1',
    origin: serverName('a.test'),
    destination: serverName('b.test'),
    content: undefined,
  };
  const parsed = parseXMatrix(authorizationOf(request, key));
  const { method, uri, origin, destination } = request;
  const signed = signJson({ method, uri, origin, destination }, origin, key);
  assert.equal(parsed?.sig, (signed.signatures['a.test'] as JsonObject)['ed25519:1']);
});

onFederation(
  'keys are published as before version 2, with the certificate that the connection has, and since then with old keys [A097] [A098]',
  async ({ a, authority }) => {
    const connection = connect({
      host: '127.0.0.1',
      port: Number(a.name.split(':')[1]),
      ca: authority.certificate,
    });
    await once(connection, 'secureConnect');
    const { raw } = connection.getPeerCertificate();
    connection.destroy();
    const answer = (await (await fetch(`${a.server.url}/_matrix/key/v1`)).json()) as JsonObject;
    assert.equal(answer.server_name, a.name);
    assert.equal(answer.tls_certificate, raw.toString('base64').replace(/=+$/, ''));
    const [[keyId, key] = ['', '']] = Object.entries(answer.verify_keys as Record<string, string>);
    assert.ok(verifyJson(answer, a.name, keyId, VerifyKey.of(key)));
    const keysAt = async (path: string) =>
      (await (await fetch(`${a.server.url}/_matrix/key/v2/server${path}`)).json()) as JsonObject;
    const bound = [await keysAt(`/${encodeURIComponent(keyId)}`), await keysAt('/')];
    const sha256 = createHash('sha256').update(raw).digest('base64').replace(/=+$/, '');
    for (const one of bound) {
      assert.deepEqual(one.tls_fingerprints, [{ sha256 }]);
      assert.deepEqual(one.verify_keys, { [keyId]: { key } });
    }
    const today = await keysAt('');
    assert.equal(today.tls_fingerprints, undefined);
    const expired = { 'ed25519:old': { key: OLD_KEY, expired_ts: 1_700_000_000_000 } };
    for (const one of [...bound, today]) {
      assert.deepEqual(one.old_verify_keys, expired);
      assert.ok((one.valid_until_ts as number) > Date.now() + 3_600_000);
      assert.ok(verifyJson(one, a.name, keyId, VerifyKey.of(key)));
    }
  },
  { servers: 1, env: { MYELIN_FEDERATION_OLD_KEYS: `ed25519:old ${OLD_KEY} 1700000000000` } },
);
