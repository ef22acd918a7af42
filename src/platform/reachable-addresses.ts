import { lookup as systemLookup, type LookupAddress } from 'node:dns';
import ipaddr from 'ipaddr.js';

/** How a name becomes addresses: `dns.lookup`, or what tests put in its place. */
export type Lookup = typeof systemLookup;

/** An address, or every address of a name, is one that this server may not reach. */
export class AddressBlocked extends Error {
  constructor(host: string) {
    super(`${host} is not at an address that this server may reach`);
    this.name = 'AddressBlocked';
  }
}

/** Kinds of addresses on the open internet, by `ipaddr.js`. Everything else is refused unless it is allowed. */
const OPEN = 'unicast';
/**
 * All that is given out of IPv6 for the open internet (RFC 4291, section 2.4). The library takes what it does not know for
 * open, such as IPv4 addresses in their old form, `::10.0.0.1`.
 */
const OPEN_IPV6 = ipaddr.IPv6.parseCIDR('2000::/3');

/**
 * Which addresses the server may connect to. A name is resolved once for a connection, and the connection goes to an
 * address that was checked.
 */
export class ReachableAddresses {
  readonly #allowed: readonly [ipaddr.IPv4 | ipaddr.IPv6, number][];
  readonly #lookup: Lookup;

  /** @param allowedRanges CIDR ranges that may be reached although they are not on the open internet. */
  constructor(allowedRanges: readonly string[], lookup: Lookup = systemLookup) {
    this.#allowed = allowedRanges.map((range) => ipaddr.parseCIDR(range));
    this.#lookup = lookup;
  }

  /** Whether an address, as text, may be reached. */
  allows(address: string): boolean {
    if (!ipaddr.isValid(address)) return false;
    const parsed = ipaddr.process(address);
    if (isOpen(parsed)) return true;
    return this.#allowed.some(([range, bits]) => range.kind() === parsed.kind() && parsed.match(range, bits));
  }

  /**
   * Resolves a name for a connection, as `net.connect` asks: only addresses that may be reached are handed out;
   * `AddressBlocked` where none may.
   */
  readonly lookup = (
    host: string,
    options: { all?: boolean | undefined },
    done: (error: Error | null, address: string | LookupAddress[], family?: number) => void,
  ): void => {
    this.#lookup(host, { all: true }, (error, found) => {
      if (error) return done(error, []);
      const allowed = found.filter(({ address }) => this.allows(address));
      const first = allowed[0];
      if (!first) return done(new AddressBlocked(host), []);
      if (options.all === true) return done(null, allowed);
      done(null, first.address, first.family);
    });
  };
}

function isOpen(address: ipaddr.IPv4 | ipaddr.IPv6): boolean {
  if (address.range() !== OPEN) return false;
  return address.kind() === 'ipv4' || address.match(OPEN_IPV6);
}
