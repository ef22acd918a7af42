import assert from 'node:assert/strict';
import { once } from 'node:events';
import { request as httpRequest, type IncomingMessage } from 'node:http';
import { createServer as createTlsServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, createSecureContext, type SecureVersion } from 'node:tls';
import { ReachableAddresses } from '../platform/reachable-addresses.ts';
import { serverName } from '../protocol/identifiers.ts';
import type { JsonObject } from '../protocol/json.ts';
import { SigningKey } from '../protocol/signing.ts';
import type { TestAuthority } from '../testing/federation/certificates.ts';
import { onFederation } from '../testing/federation/federation.ts';
import { HttpsTransport } from './transport/https-transport.ts';
import { authorizationOf, signedTextOf, type SignedRequest } from './x-matrix.ts';

const SEND = '/_matrix/federation/v1/send/t1';
const BODY: JsonObject = { pdus: [] };
const REFUSED = [401, 'M_UNAUTHORIZED'];

/** Sends a request with any number of `Authorization` headers; gives status and errcode. */
async function ask(
  url: string,
  what: { method?: string; uri?: string; authorization: readonly string[]; body?: JsonObject | undefined },
): Promise<[number | undefined, string | undefined]> {
  const { method = 'PUT', uri = SEND, authorization, body } = what;
  const text = body === undefined ? '' : JSON.stringify(body);
  const headers = ['host', new URL(url).host, 'content-length', String(Buffer.byteLength(text))];
  if (text !== '') headers.push('content-type', 'application/json');
  for (const value of authorization) headers.push('authorization', value);
  const sent = httpRequest(url + uri, { method, headers });
  sent.end(text);
  const [answer] = (await once(sent, 'response')) as [IncomingMessage];
  const bytes = Buffer.concat((await answer.toArray()) as Buffer[]);
  return [answer.statusCode, (JSON.parse(bytes.toString()) as { errcode?: string }).errcode];
}

onFederation(
  'a request is signed with its method, uri, origin, destination and content; whatever is not as signed is refused [A100] [B099]',
  async ({ a, startRemote }) => {
    const remote = await startRemote();
    const right: SignedRequest = {
      ...{ method: 'PUT', uri: SEND, origin: remote.name, destination: a.name, content: BODY },
    };
    const put = (signed: Partial<SignedRequest>, body: JsonObject | undefined = BODY, uri = SEND) => {
      const authorization = [authorizationOf({ ...right, ...signed }, remote.key)];
      return ask(a.server.url, { authorization, body, uri });
    };
    assert.deepEqual(await put({}), [200, undefined]);
    assert.deepEqual(await put({ method: 'POST' }), REFUSED, 'method');
    assert.deepEqual(await put({ uri: `${SEND}2` }), REFUSED, 'path');
    assert.deepEqual(await put({}, BODY, `${SEND}?x=1`), REFUSED, 'query');
    assert.deepEqual(await put({ uri: `${SEND}?x=1` }, BODY, `${SEND}?x=1`), [200, undefined], 'query');
    assert.deepEqual(await put({ content: { pdus: [], edus: [] } }), REFUSED, 'content');
    assert.deepEqual(await put({ content: undefined }), REFUSED, 'a body that is not signed');
    const unordered = { pdus: [], edus: [] };
    for (const body of [unordered, BODY, unordered]) {
      assert.deepEqual(await put({ content: body }, body), [200, undefined], 'in whatever order it is sent');
      assert.deepEqual(await put({}, { ...body, more: 1 }), REFUSED, 'more than is signed');
    }
    assert.deepEqual(await put({ destination: serverName('elsewhere.test') }), REFUSED, 'destination');
    assert.deepEqual(await put({ origin: serverName('localhost:1') }), REFUSED, 'an unknown origin');
    assert.deepEqual(await put({ origin: a.name }), REFUSED, 'this server itself');
    const get = { ...right, method: 'GET', uri: '/_matrix/federation/v1/make_join/!r:x/@u:x?ver=9&ver=10' };
    const signedGet = authorizationOf({ ...get, content: undefined }, remote.key);
    const { uri, method } = get;
    const [status] = await ask(a.server.url, { uri, method, authorization: [signedGet] });
    assert.notEqual(status, 401, 'without a body, "content" is not signed');
  },
  { servers: 1 },
);

onFederation(
  'signatures are taken in every form of the header, of one key among several, and of no other key [A100] [B099]',
  async ({ a, startRemote }) => {
    const remote = await startRemote();
    const signed: SignedRequest = {
      ...{ method: 'PUT', uri: SEND, origin: remote.name, destination: a.name, content: BODY },
    };
    const sig = remote.key.sign(signedTextOf(signed));
    const { keyId } = remote.key;
    const [o, d] = [remote.name, a.name];
    const asked = (...authorization: string[]) => ask(a.server.url, { authorization, body: BODY });
    const of2015 = `X-Matrix origin=${o},key="${keyId}",sig="${sig}"`;
    const today = `X-Matrix origin="${o}",destination="${d}",key="${keyId}",sig="${sig}"`;
    for (const header of [
      today,
      of2015,
      `X-Matrix origin=${o},destination=${d},key=${keyId},sig=${sig}`,
      `x-matrix   SIG="${sig}" ,\tKey="${keyId}", future=7, destination="${d}",ORIGIN="${o}"`,
      `X-Matrix origin="${o.replace(':', '\\:')}",destination="${d}",key="${keyId}",sig="${sig}"`,
    ]) {
      assert.deepEqual(await asked(header), [200, undefined], header);
    }
    const stranger = SigningKey.fromSeed('ed25519:unpublished', Buffer.alloc(32, 7));
    const impostor = SigningKey.fromSeed(keyId, Buffer.alloc(32, 7));
    const unknown = authorizationOf(signed, stranger);
    assert.deepEqual(await asked(unknown, of2015), [200, undefined], 'one header for each key');
    assert.deepEqual(await asked(of2015, unknown), [200, undefined], 'one header for each key');
    const other = authorizationOf({ ...signed, origin: serverName('other.test') }, remote.key);
    for (const [why, ...headers] of [
      ['none'],
      ['another scheme', 'Bearer abc'],
      ['malformed', `X-Matrix origin="${o}`],
      ['lacks the signature', `X-Matrix origin="${o}",destination="${d}",key="${keyId}"`],
      ['no server name', `X-Matrix origin="not a name",key="${keyId}",sig="${sig}"`],
      ['a signature that is none', today.replace(sig, 'AAAA')],
      ['signed for another server', today.replace(`"${d}"`, '"elsewhere.test"')],
      ['a key that is not published', unknown],
      ['another key under the ID', authorizationOf(signed, impostor)],
      ['an unknown kind of key', today.replace(keyId, 'rsa:1')],
      ['headers of two servers', today, other],
      ['two keys that are not published', unknown, authorizationOf(signed, impostor)],
    ] as const) {
      assert.deepEqual(await asked(...headers), REFUSED, why);
    }
  },
  { servers: 1 },
);

onFederation(
  'a key signs requests only as long as it is valid [A100] [B099]',
  async ({ a, startRemote }) => {
    const remote = await startRemote();
    const old = SigningKey.fromSeed('ed25519:old', Buffer.alloc(32, 4));
    remote.answer = ({ url }) => {
      if (!url.startsWith('/_matrix/key/v2/server')) return undefined;
      const before = { [old.keyId]: { key: old.publicKey, expired_ts: Date.now() - 60_000 } };
      return { status: 200, body: remote.publishedKeys({ old_verify_keys: before }) };
    };
    const signed = { method: 'PUT', uri: SEND, origin: remote.name, destination: a.name, content: BODY };
    const asked = (key: SigningKey) =>
      ask(a.server.url, { authorization: [authorizationOf(signed, key)], body: BODY });
    assert.deepEqual(await asked(old), REFUSED);
    assert.deepEqual(await asked(remote.key), [200, undefined]);
  },
  { servers: 1 },
);

/** What servers may be asked without a signature: keys, and what the specification of today opened since. */
const OPEN: ReadonlySet<string> = new Set([
  'getVersion',
  'exchangeOpenIdToken',
  'onBindThirdPartyIdentifier',
]);

onFederation(
  'every endpoint for servers but those for keys needs a signature [A100]',
  async ({ a }) => {
    let [asked, keys] = [0, 0];
    for (const { id, method, paths, auth } of a.server.declarations) {
      for (const path of paths) {
        if (path.startsWith('/_matrix/key/')) {
          assert.equal(auth, 'none', path);
          keys += 1;
        }
        if (!path.startsWith('/_matrix/federation/') || OPEN.has(id)) continue;
        const uri = path.replaceAll(/:\w+/g, 'x');
        const body = method === 'GET' ? undefined : {};
        assert.deepEqual(await ask(a.server.url, { method, uri, authorization: [], body }), REFUSED, path);
        asked += 1;
      }
    }
    assert.ok(asked > 30 && keys > 4, `${asked} endpoints for servers, ${keys} for keys`);
  },
  { servers: 1 },
);

/** A TLS server of some versions. */
async function listen(authority: TestAuthority, versions: { min: SecureVersion; max: SecureVersion }) {
  const { certificate: cert, key } = authority.issue('localhost');
  const { min: minVersion, max: maxVersion } = versions;
  const server = createTlsServer(
    { cert, key, minVersion, maxVersion, ciphers: 'DEFAULT@SECLEVEL=0' },
    (_request, response) => response.end('{}'),
  );
  server.on('tlsClientError', () => undefined);
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

/** The version of TLS that a connection gets, or undefined where there is none. */
function handshake(port: number, version: SecureVersion, ca: string): Promise<string | undefined> {
  return new Promise((resolve) => {
    const versions = { minVersion: version, maxVersion: version, ciphers: 'DEFAULT@SECLEVEL=0' };
    const socket = connect({ host: '127.0.0.1', servername: 'localhost', port, ca, ...versions });
    socket.once('error', () => resolve(undefined));
    socket.once('secureConnect', () => {
      resolve(socket.getProtocol() ?? undefined);
      socket.destroy();
    });
  });
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

onFederation(
  'servers speak TLS 1.2 and later, in both directions [B099]',
  async ({ a, authority }) => {
    const ca = authority.certificate;
    const old = await listen(authority, { min: 'TLSv1', max: 'TLSv1.1' });
    const today = await listen(authority, { min: 'TLSv1.2', max: 'TLSv1.2' });
    const transport = new HttpsTransport(
      new ReachableAddresses(['127.0.0.0/8']),
      createSecureContext({ ca }),
    );
    const asked = async (server: Server) => {
      const route = {
        host: '127.0.0.1',
        port: portOf(server),
        tlsName: 'localhost',
        hostHeader: 'localhost',
      };
      const signal = AbortSignal.timeout(60_000);
      const wanted = { method: 'GET', target: '/', headers: {}, body: undefined, signal } as const;
      const answer = await transport.request(route, wanted);
      await answer.body.toArray();
      return answer.status;
    };
    try {
      const port = a.server.tlsPort ?? 0;
      assert.equal(await handshake(portOf(old), 'TLSv1.1', ca), 'TLSv1.1', 'this machine can speak it');
      assert.equal(await handshake(port, 'TLSv1.1', ca), undefined);
      assert.equal(await handshake(port, 'TLSv1.2', ca), 'TLSv1.2');
      assert.equal(await handshake(port, 'TLSv1.3', ca), 'TLSv1.3');
      assert.equal(await asked(today), 200);
      await assert.rejects(asked(old));
    } finally {
      await transport.close();
      for (const server of [old, today]) {
        server.closeAllConnections();
        await new Promise((resolve) => server.close(resolve));
      }
    }
  },
  { servers: 1 },
);
