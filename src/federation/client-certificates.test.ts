import assert from 'node:assert/strict';
import { createHash, X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { connect, type TLSSocket } from 'node:tls';
import { Agent, request } from 'undici';
import { canonicalJson } from '../protocol/canonical-json.ts';
import { serverName } from '../protocol/identifiers.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { Certificate, TestAuthority } from '../testing/federation/certificates.ts';
import { onFederation, type FederatingServer } from '../testing/federation/federation.ts';
import type { RemoteServer } from '../testing/federation/remote-server.ts';
import { authorizationOf } from './x-matrix.ts';

const fingerprint = (certificate: string): string =>
  createHash('sha256').update(new X509Certificate(certificate).raw).digest('base64').replace(/=+$/, '');

/** Sends an empty transaction as a server, on a connection that shows a certificate or none. */
async function send(
  from: RemoteServer,
  to: FederatingServer,
  authority: TestAuthority,
  shown?: Certificate,
): Promise<number> {
  const uri = `/_matrix/federation/v1/send/${crypto.randomUUID()}`;
  const content: JsonObject = { pdus: [] };
  const signed = { method: 'PUT', uri, origin: from.name, destination: to.name, content };
  const own = shown && { cert: shown.certificate, key: shown.key };
  const agent = new Agent({ connect: { ca: authority.certificate, ...own } });
  try {
    const answer = await request(`https://${to.name}${uri}`, {
      ...{ method: 'PUT', dispatcher: agent, headers: { authorization: authorizationOf(signed, from.key) } },
      body: canonicalJson(content, { strict: false }),
    });
    await answer.body.text();
    return answer.statusCode;
  } finally {
    await agent.destroy();
  }
}

/** As a server of 2015: with its keys it publishes the fingerprints of all its certificates. */
function publishFingerprints(remote: RemoteServer, ...certificates: readonly string[]): void {
  remote.answer = ({ url }) => {
    if (!url.startsWith('/_matrix/key/v2/server')) return undefined;
    const fingerprints = certificates.map((one) => ({ sha256: fingerprint(one) }));
    return { status: 200, body: remote.publishedKeys({ tls_fingerprints: fingerprints }) };
  };
}

onFederation(
  'a server may show a certificate when it asks, which must then be its own [A101]',
  async ({ a, authority, startRemote }) => {
    const [remote, of2015, gone] = [await startRemote(), await startRemote(), await startRemote()];
    const another = authority.issue('localhost');
    assert.equal(await send(remote, a, authority), 200, 'none');
    assert.equal(await send(remote, a, authority, remote.certificate), 200, 'its own');
    assert.equal(await send(remote, a, authority, another), 401, 'another, although for its name');
    assert.equal(await send(remote, a, authority, of2015.certificate), 401, 'that of another server');
    assert.equal(await send(remote, a, authority), 200, 'none, again');
    const second = authority.issue('elsewhere.test');
    publishFingerprints(of2015, of2015.certificate.certificate, second.certificate);
    assert.equal(await send(of2015, a, authority, second), 200, 'one whose fingerprint it publishes');
    assert.equal(await send(of2015, a, authority, another), 401, 'one whose fingerprint it does not');
    assert.equal(await send(gone, a, authority), 200);
    gone.refuseConnections();
    assert.equal(await send(gone, a, authority, another), 401, 'one that cannot be compared');
  },
  { servers: 1, env: { MYELIN_FEDERATION_CHECK_CERTIFICATES: 'true' } },
);

/** How far the clock of the next servers is ahead, in milliseconds. */
let ahead = 0;

onFederation(
  'servers that show each other their certificates and check them talk as others do [A101]',
  async ({ a, b }) => {
    const ask = (from: FederatingServer, to: FederatingServer) =>
      from.server.services.federationClient.request(to.name, {
        method: 'PUT',
        path: '/_matrix/federation/v1/send/t1',
        body: { pdus: [] },
      });
    assert.deepEqual(await ask(a, b), { pdus: {} });
    assert.deepEqual(await ask(b, a), { pdus: {} });
    a.changeCertificate();
    a.server.reloadCertificate();
    ahead += 2_000;
    assert.deepEqual(await ask(a, b), { pdus: {} }, 'a new one is found out');
    assert.deepEqual(await ask(b, a), { pdus: {} });
  },
  {
    env: { MYELIN_FEDERATION_CHECK_CERTIFICATES: 'true', MYELIN_FEDERATION_PRESENT_CERTIFICATE: 'true' },
    overrides: { clock: { now: () => Date.now() + ahead } },
  },
);

/** The certificate that a server shows to whoever connects. */
async function shownBy(server: FederatingServer, authority: TestAuthority): Promise<string> {
  const port = server.server.tlsPort ?? 0;
  const socket = connect({ host: '127.0.0.1', servername: 'localhost', port, ca: authority.certificate });
  await once(socket, 'secureConnect');
  const { raw } = socket.getPeerCertificate();
  socket.destroy();
  return createHash('sha256').update(raw).digest('base64').replace(/=+$/, '');
}

onFederation(
  'a changed certificate is shown without a restart, to who asks and to who is asked; a broken one is not taken [A101]',
  async ({ a, authority }) => {
    const { certificate: cert, key } = authority.issue('localhost');
    const seen: string[] = [];
    const peer = createServer(
      { cert, key, requestCert: true, ca: authority.certificate },
      (asked, answer) => {
        const { raw } = (asked.socket as TLSSocket).getPeerCertificate();
        seen.push(createHash('sha256').update(raw).digest('base64').replace(/=+$/, ''));
        answer.end('{}');
      },
    );
    await new Promise<void>((resolve) => peer.listen(0, '127.0.0.1', resolve));
    const name = serverName(`localhost:${(peer.address() as AddressInfo).port}`);
    const ask = () => a.server.services.federationClient.request(name, { method: 'GET', path: '/' });
    try {
      const first = await shownBy(a, authority);
      await ask();
      const changed = fingerprint(a.changeCertificate());
      await ask();
      assert.deepEqual(seen, [first, first], 'until it is told');
      a.server.reloadCertificate();
      await ask();
      assert.equal(await shownBy(a, authority), changed);
      assert.deepEqual(seen, [first, first, changed]);
      a.breakCertificate();
      a.server.reloadCertificate();
      await ask();
      assert.equal(await shownBy(a, authority), changed, 'the broken one is not taken');
      assert.deepEqual(seen, [first, first, changed, changed]);
    } finally {
      peer.closeAllConnections();
      await new Promise((resolve) => peer.close(resolve));
    }
  },
  { servers: 1, env: { MYELIN_FEDERATION_PRESENT_CERTIFICATE: 'true' } },
);
