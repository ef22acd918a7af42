import { randomInt } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { createServer, type Server } from 'node:https';
import type { AddressInfo } from 'node:net';
import { createSecureContext, type SecureContext, type TLSSocket } from 'node:tls';
import { ServerResolution } from '../../federation/discovery/server-resolution.ts';
import { WellKnownServers } from '../../federation/discovery/well-known-servers.ts';
import { FederationClient, type Patience } from '../../federation/federation-client.ts';
import { HttpsTransport } from '../../federation/transport/https-transport.ts';
import { SystemDns } from '../../platform/dns.ts';
import { OutgoingHttp } from '../../platform/outgoing-http.ts';
import { systemTimers } from '../../platform/timers.ts';
import { serverName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { SigningKey } from '../../protocol/signing.ts';
import { TestAuthority } from './certificates.ts';
import { DnsServer } from './dns-server.ts';

/** No server is ever left in peace. */
export const NO_BACK_OFF: Patience = {
  answers: () => true,
  waitMs: () => Promise.resolve(0),
  heardOf: () => Promise.resolve(),
  failed: () => Promise.resolve(),
};

/** Answers a request for `.well-known`. */
export type WellKnownHandler = (request: IncomingMessage, response: ServerResponse) => void;

/** A network of a test's own: a name server, and hosts on an address of the loopback network that nobody else uses. */
export class NameNetwork {
  readonly address = `127.${[1, 2, 3].map(() => randomInt(1, 255)).join('.')}`;
  readonly authority = new TestAuthority();
  /** What `.well-known` of each host answers. */
  readonly wellKnown = new Map<string, WellKnownHandler>();
  wellKnownAsked = 0;
  now = Date.now();
  /** The next random draws. */
  draw = 0;
  readonly dns: DnsServer;
  readonly http: OutgoingHttp;
  readonly transport: HttpsTransport;
  readonly #listeners: Server[] = [];

  /** With a listener on port 443 for `.well-known`, which takes rights that not every user has: EACCES. */
  static async start(): Promise<NameNetwork> {
    const network = new NameNetwork(await DnsServer.start());
    try {
      await network.listen('443', 443);
    } catch (error) {
      await network.close();
      throw error;
    }
    return network;
  }

  private constructor(dns: DnsServer) {
    this.dns = dns;
    this.http = new OutgoingHttp({
      ...{ allowedRanges: ['127.0.0.0/8', '::1/128'], lookup: dns.lookup },
      trust: createSecureContext({ ca: this.authority.certificate }),
    });
    this.transport = new HttpsTransport(this.http.reach, this.http.trust);
  }

  /** Names that are at its address. */
  hosts(...names: string[]): void {
    for (const name of names) this.dns.addresses.set(name, [this.address]);
  }

  /** SRV records: priority, weight, port and target of each. */
  services(
    name: string,
    ...records: [priority: number, weight: number, port: number, target: string][]
  ): void {
    const all = records.map(([priority, weight, port, target]) => ({ priority, weight, port, name: target }));
    this.dns.services.set(name, all);
  }

  /** Listens with a certificate for the name that is asked for, or for those given only. Answers how it was asked. */
  async listen(label: string, port = 0, names?: readonly string[], address = this.address): Promise<number> {
    const secure = (name: string): SecureContext => {
      const { certificate: cert, key } = this.authority.issue(...(names ?? [name]));
      return createSecureContext({ cert, key });
    };
    const { certificate: cert, key } = this.authority.issue(...(names ?? [address]));
    const server = createServer({ cert, key, SNICallback: (name, done) => done(null, secure(name)) });
    server.on('request', (request: IncomingMessage, response: ServerResponse) => {
      const { servername } = request.socket as TLSSocket & { servername: string | false };
      const { host = '' } = request.headers;
      if (request.url === '/.well-known/matrix/server' && port === 443) {
        this.wellKnownAsked += 1;
        const handle = this.wellKnown.get(host);
        if (handle) handle(request, response);
        else response.writeHead(404).end('{}');
      } else response.end(JSON.stringify({ at: label, host, sni: servername || 'none' }));
    });
    await new Promise<void>((resolve, reject) => {
      server.once('error', reject);
      server.listen(port, address, resolve);
    });
    this.#listeners.push(server);
    return (server.address() as AddressInfo).port;
  }

  /** Who finds servers in it, knowing nothing yet. */
  client(wellKnown = new WellKnownServers(this.http, { now: () => this.now })): FederationClient {
    const dns = new SystemDns([this.dns.address]);
    const resolution = new ServerResolution(wellKnown, dns, () => this.draw);
    return new FederationClient({
      ...{ serverName: serverName('here.test'), key: SigningKey.fromSeed('ed25519:a', Buffer.alloc(32, 1)) },
      ...{ resolution, transport: this.transport, backOff: NO_BACK_OFF, timers: systemTimers },
      isHomeserverElsewhere: false,
    });
  }

  /** Where a request to a server arrives. */
  ask(name: string, client = this.client()): Promise<JsonObject> {
    return client.request(serverName(name), { method: 'GET', path: '/_matrix/x' });
  }

  async close(): Promise<void> {
    await this.transport.close();
    await this.http.close();
    for (const listener of this.#listeners) {
      listener.closeAllConnections();
      await new Promise((resolve) => listener.close(resolve));
    }
    await this.dns.close();
  }
}
