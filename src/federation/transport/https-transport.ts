import { isIP } from 'node:net';
import { connect, type SecureContext } from 'node:tls';
import { LRUCache } from 'lru-cache';
import type * as Undici from 'undici';
import { AddressBlocked, type ReachableAddresses } from '../../platform/reachable-addresses.ts';
import type { Route } from '../discovery/server-resolution.ts';
import type { CertificateSource } from '../keys/origin-certificates.ts';
import type { ServerTransport, WireAnswer, WireRequest } from './server-transport.ts';

/** Servers to which connections are kept open, and how many at once to each. */
const MOST_POOLS = 1_000;
const CONNECTIONS = 6;
const CONNECT_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;

/** Loaded for the first request: a server that asks no other does without. */
let loaded: typeof Undici | undefined;

/** HTTPS with the certificate checked for the name that the route says, and only to addresses that may be reached. */
export class HttpsTransport implements ServerTransport, CertificateSource {
  readonly #reach: ReachableAddresses;
  #trust: SecureContext | undefined;
  readonly #pools: LRUCache<string, Undici.Pool>;

  constructor(reach: ReachableAddresses, trust: SecureContext | undefined) {
    this.#reach = reach;
    this.#trust = trust;
    this.#pools = new LRUCache({
      max: MOST_POOLS,
      dispose: (pool, _key, reason) => {
        if (reason === 'evict') void pool.close();
      },
    });
  }

  async request(route: Route, request: WireRequest): Promise<WireAnswer> {
    this.#check(route);
    loaded ??= await import('undici');
    const answer = await this.#pool(route, loaded).request({
      method: request.method,
      path: request.target,
      headers: { ...request.headers, host: route.hostHeader },
      body: request.body ?? null,
      signal: request.signal,
      headersTimeout: 0,
      bodyTimeout: 0,
    });
    const headers: Record<string, string> = {};
    for (const [name, value] of Object.entries(answer.headers)) {
      const first = Array.isArray(value) ? value[0] : value;
      if (first !== undefined) headers[name.toLowerCase()] = first;
    }
    // Whoever reads the body is told of its errors; a body that is destroyed unread has nobody to tell.
    answer.body.on('error', () => undefined);
    return { status: answer.statusCode, headers, body: answer.body };
  }

  /** The certificate that is shown at the end of a route, where it is for the route's name: DER. */
  async certificateAt(route: Route): Promise<Buffer> {
    this.#check(route);
    return new Promise((resolve, reject) => {
      const { host, port } = route;
      const socket = connect({ host, port, lookup: this.#reach.lookup, ...this.#tlsOptions(route) });
      socket.setTimeout(CONNECT_MS, () => socket.destroy(new Error(`${host} did not answer in time`)));
      socket.once('error', reject);
      socket.once('secureConnect', () => {
        resolve(socket.getPeerCertificate().raw);
        socket.destroy();
      });
    });
  }

  /** Connections made from now on trust, and show, what this context says. */
  renew(trust: SecureContext | undefined): void {
    this.#trust = trust;
    for (const pool of this.#pools.values()) void pool.close();
    this.#pools.clear();
  }

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
  }

  #check({ host }: Route): void {
    if (isIP(host) !== 0 && !this.#reach.allows(host)) throw new AddressBlocked(host);
  }

  #tlsOptions({ tlsName }: Route): { servername?: string; secureContext?: SecureContext } {
    return {
      // Of an IP address there is no server name to send; the certificate is checked for the address itself.
      ...(isIP(tlsName) === 0 ? { servername: tlsName } : {}),
      ...(this.#trust === undefined ? {} : { secureContext: this.#trust }),
    };
  }

  #pool(route: Route, { Pool }: typeof Undici): Undici.Pool {
    const key = `${route.host} ${route.port} ${route.tlsName}`;
    const known = this.#pools.get(key);
    if (known) return known;
    const host = isIP(route.host) === 6 ? `[${route.host}]` : route.host;
    const pool = new Pool(`https://${host}:${route.port}`, {
      connections: CONNECTIONS,
      keepAliveTimeout: KEEP_ALIVE_MS,
      connect: {
        lookup: this.#reach.lookup,
        timeout: CONNECT_MS,
        allowH2: false,
        ...this.#tlsOptions(route),
      },
    });
    this.#pools.set(key, pool);
    return pool;
  }
}
