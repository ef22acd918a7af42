import assert from 'node:assert/strict';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { test } from 'node:test';
import { createSecureContext } from 'node:tls';
import { ReachableAddresses } from '../../platform/reachable-addresses.ts';
import type { ServiceRecord } from '../../platform/dns.ts';
import { systemTimers } from '../../platform/timers.ts';
import { serverName } from '../../protocol/identifiers.ts';
import { TestAuthority } from '../../testing/federation/certificates.ts';
import { NO_BACK_OFF } from '../../testing/federation/name-network.ts';
import { SigningKey } from '../../protocol/signing.ts';
import { FederationClient } from '../federation-client.ts';
import { HttpsTransport } from '../transport/https-transport.ts';
import { ServerResolution } from './server-resolution.ts';
import type { WellKnownServers } from './well-known-servers.ts';

/** A TLS server that says which it is, and what it was asked as. */
async function listen(authority: TestAuthority, certificateFor: string, name: string): Promise<Server> {
  const { certificate, key } = authority.issue(certificateFor);
  const server = createServer({ cert: certificate, key }, (request, response) => {
    const sni = (request.socket as unknown as { servername: string }).servername;
    response.end(JSON.stringify({ name, host: request.headers.host, sni }));
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return server;
}

const portOf = (server: Server): number => (server.address() as AddressInfo).port;

void test('of the targets of SRV records, the next is tried when one is down, over real connections [A096 partial]', async () => {
  const authority = new TestAuthority();
  const down = await listen(authority, 'srv.test', 'down');
  const first = await listen(authority, 'srv.test', 'first');
  const wrong = await listen(authority, 'other.test', 'wrong');
  const trust = createSecureContext({ ca: authority.certificate });
  const transport = new HttpsTransport(new ReachableAddresses(['127.0.0.0/8']), trust);
  const ask = async (records: readonly ServiceRecord[]): Promise<unknown> => {
    const nothing = { of: () => Promise.resolve(undefined) } as unknown as WellKnownServers;
    const services = (name: string) =>
      Promise.resolve(name === '_matrix-fed._tcp.srv.test' ? [...records] : []);
    const resolution = new ServerResolution(nothing, { services }, () => 0);
    const client = new FederationClient({
      ...{ serverName: serverName('here.test'), key: SigningKey.fromSeed('ed25519:a', Buffer.alloc(32, 1)) },
      ...{ resolution, transport, backOff: NO_BACK_OFF, timers: systemTimers, isHomeserverElsewhere: false },
    });
    return client.request(serverName('srv.test'), { method: 'GET', path: '/' });
  };
  const record = (server: { port: number }, priority: number): ServiceRecord => ({
    ...{ name: '127.0.0.1', port: server.port, priority, weight: 1 },
  });
  const [a, b, c] = [{ port: portOf(down) }, { port: portOf(first) }, { port: portOf(wrong) }];
  await new Promise((resolve) => down.close(resolve));
  try {
    const answer = { name: 'first', host: 'srv.test', sni: 'srv.test' };
    assert.deepEqual(await ask([record(b, 20), record(a, 10)]), answer, 'the one that is preferred is down');
    assert.deepEqual(await ask([record(c, 10), record(b, 20)]), answer, 'a certificate for another name');
    await assert.rejects(ask([record(a, 10), record(c, 20)]), 'nobody who is what the name says');
  } finally {
    await transport.close();
    for (const server of [first, wrong]) {
      server.closeAllConnections();
      await new Promise((resolve) => server.close(resolve));
    }
  }
});
