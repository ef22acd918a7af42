import { isIP } from 'node:net';
import type { SecureContext } from 'node:tls';
import { LRUCache } from 'lru-cache';
import type * as Undici from 'undici';
import { AddressBlocked, type ReachableAddresses } from '../../platform/reachable-addresses.ts';
import type { Route } from '../discovery/server-resolution.ts';
import type { ServerTransport, WireAnswer, WireRequest } from './server-transport.ts';

/** Servers to which connections are kept open, and how many at once to each. */
const MOST_POOLS = 1_000;
const CONNECTIONS = 6;
const CONNECT_MS = 10_000;
const KEEP_ALIVE_MS = 60_000;

/** Loaded for the first request: a server that asks no other does without. */
let loading: Promise<typeof Undici> | undefined;

/** HTTPS with the certificate checked for the name that the route says, and only to addresses that may be reached. */
export class HttpsTransport implements ServerTransport {
  readonly #reach: ReachableAddresses;
  readonly #trust: SecureContext | undefined;
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
    if (isIP(route.host) !== 0 && !this.#reach.allows(route.host)) throw new AddressBlocked(route.host);
    loading ??= import('undici');
    const answer = await this.#pool(route, await loading).request({
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

  async close(): Promise<void> {
    await Promise.all([...this.#pools.values()].map((pool) => pool.destroy()));
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
        // Of an IP address there is no server name to send; the certificate is checked for the address itself.
        ...(isIP(route.tlsName) === 0 ? { servername: route.tlsName } : {}),
        ...(this.#trust === undefined ? {} : { secureContext: this.#trust }),
      },
    });
    this.#pools.set(key, pool);
    return pool;
  }
}
