import { isIP } from 'node:net';
import { boundedCache } from '../../platform/bounded-cache.ts';
import type { Dns } from '../../platform/dns.ts';
import type { ServerName } from '../../protocol/identifiers.ts';
import { FederationError } from '../federation-error.ts';
import { orderServices } from './order-services.ts';
import type { WellKnownServers } from './well-known-servers.ts';

/** One way to reach a server. */
export interface Route {
  /** A name, or an IP address without brackets. */
  readonly host: string;
  readonly port: number;
  /** The name, or IP address, that the server's certificate must be for. */
  readonly tlsName: string;
  /** The `Host` header. */
  readonly hostHeader: string;
}

const DEFAULT_PORT = 8448;
const MOST_NAMES = 20_000;
/** SRV records are asked for again after this many milliseconds. */
const SERVICES_MS = 5 * 60_000;

/** Finds out where servers are (Server-Server API, "Resolving server names"). */
export class ServerResolution {
  readonly #wellKnown: WellKnownServers;
  readonly #dns: Dns;
  readonly #draw: () => number;
  readonly #services = boundedCache<string, readonly { name: string; port: number }[]>(
    MOST_NAMES,
    SERVICES_MS,
  );

  /** @param draw a random number from 0 (inclusive) to 1, by which machines of a service share the load. */
  constructor(wellKnown: WellKnownServers, dns: Dns, draw: () => number) {
    this.#wellKnown = wellKnown;
    this.#dns = dns;
    this.#draw = draw;
  }

  /**
   * The ways to a server, in the order in which to try them; at least one.
   *
   * @throws FederationError `unreachable` where its SRV records say that there is none (RFC 2782, a target of ".").
   */
  async routes(server: ServerName): Promise<readonly Route[]> {
    const { host, port } = splitServerName(server);
    if (isIP(host) !== 0 || port !== undefined) return [direct(server, host, port)];
    const delegated = await this.#wellKnown.of(host);
    if (delegated === undefined) return this.#byService(server, host);
    const target = splitServerName(delegated);
    if (isIP(target.host) !== 0 || target.port !== undefined) {
      return [direct(delegated, target.host, target.port)];
    }
    return this.#byService(server, target.host);
  }

  async #byService(server: ServerName, host: string): Promise<readonly Route[]> {
    const services = await this.#servicesOf(host);
    if (services.length === 0) return [{ host, port: DEFAULT_PORT, tlsName: host, hostHeader: host }];
    const offered = services.filter(({ name }) => name !== '' && name !== '.');
    if (offered.length === 0) {
      throw new FederationError(
        server,
        'unreachable',
        `The SRV records of ${host} say that no server is there`,
      );
    }
    return offered.map(({ name, port }) => ({ host: name, port, tlsName: host, hostHeader: host }));
  }

  /** None where there are none. Nor where that cannot be found out, which is not remembered. */
  async #servicesOf(host: string): Promise<readonly { name: string; port: number }[]> {
    const known = this.#services.get(host);
    if (known) return known;
    let isFoundOut = true;
    for (const service of ['_matrix-fed._tcp', '_matrix._tcp']) {
      const records = await this.#dns.services(`${service}.${host}`);
      if (records === undefined) isFoundOut = false;
      if (records === undefined || records.length === 0) continue;
      const ordered = orderServices(records, this.#draw);
      this.#services.set(host, ordered);
      return ordered;
    }
    if (isFoundOut) this.#services.set(host, []);
    return [];
  }
}

function direct(name: ServerName, host: string, port: number | undefined): Route {
  return { host, port: port ?? DEFAULT_PORT, tlsName: host, hostHeader: name };
}

/** Host, without brackets, and port of a server name. */
function splitServerName(name: ServerName): { host: string; port: number | undefined } {
  const match = /^(?:\[([^\]]+)\]|([^:]+))(?::(\d+))?$/.exec(name);
  const host = match?.[1] ?? match?.[2] ?? name;
  return { host, port: match?.[3] === undefined ? undefined : Number(match[3]) };
}
