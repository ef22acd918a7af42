import { NODATA, NOTFOUND } from 'node:dns';
import { Resolver } from 'node:dns/promises';

/** One SRV record (RFC 2782). */
export interface ServiceRecord {
  /** The host to connect to. */
  readonly name: string;
  readonly port: number;
  /** Lower ones are tried first. */
  readonly priority: number;
  /** Share of the connections, among those of the same priority. */
  readonly weight: number;
}

/** Where names are looked up, so that tests and simulations can give another place. */
export interface Dns {
  /** SRV records of a name: none when there are none, undefined when it cannot be found out now. */
  services(name: string): Promise<readonly ServiceRecord[] | undefined>;
}

/** Milliseconds for one try, and how many. */
const PATIENCE = { timeout: 3_000, tries: 2 };
/** A service of more machines than this is cut. */
const MOST_RECORDS = 32;

/** What the resolver calls a name, or a kind of record of it, that does not exist. */
const ABSENT: ReadonlySet<string> = new Set([NODATA, NOTFOUND]);

/** The machine's resolver. */
export class SystemDns implements Dns {
  readonly #resolver = new Resolver(PATIENCE);

  /** @param servers name servers (`address:port`) that are asked in place of the machine's. */
  constructor(servers: readonly string[] = []) {
    if (servers.length > 0) this.#resolver.setServers(servers);
  }

  async services(name: string): Promise<readonly ServiceRecord[] | undefined> {
    try {
      const records = await this.#resolver.resolveSrv(name);
      return records.slice(0, MOST_RECORDS);
    } catch (error) {
      return ABSENT.has(String((error as { code?: unknown }).code)) ? [] : undefined;
    }
  }
}
