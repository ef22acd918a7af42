import { boundedCache } from '../../platform/bounded-cache.ts';
import type { OutgoingHttp } from '../../platform/outgoing-http.ts';
import { parseServerName, type ServerName } from '../../protocol/identifiers.ts';
import { isJsonObject } from '../../protocol/json.ts';

const HOUR_MS = 3_600_000;
/** How long an answer is believed that does not say, and the most that it may say. */
const DEFAULT_MS = 24 * HOUR_MS;
const LONGEST_MS = 48 * HOUR_MS;
const SHORTEST_MS = 5 * 60_000;
/** How long a first failure is remembered. Each further one doubles it, up to an hour. */
const FIRST_FAILURE_MS = 2 * 60_000;
const REQUEST = { timeoutMs: 10_000, maxBytes: 51_200, maxRedirects: 5 } as const;
const MOST_HOSTS = 20_000;

interface Known {
  readonly delegated: ServerName | undefined;
  readonly until: number;
  /** When that was said. */
  readonly saidAt: number;
  /** Failures in a row. */
  readonly failures: number;
}

/**
 * What `/.well-known/matrix/server` of other hosts says, kept as long as they allow (Server-Server API, "Resolving
 * server names").
 */
export class WellKnownServers {
  readonly #http: OutgoingHttp;
  readonly #clock: { now(): number };
  readonly #known = boundedCache<string, Known>(MOST_HOSTS);
  readonly #asking = new Map<string, Promise<Known>>();

  constructor(http: OutgoingHttp, clock: { now(): number }) {
    this.#http = http;
    this.#clock = clock;
  }

  /** The server name that a host delegates to; undefined when it does not, or cannot be asked. */
  async of(host: string): Promise<ServerName | undefined> {
    const known = this.#known.get(host);
    if (known && known.until > this.#clock.now()) return known.delegated;
    let asking = this.#asking.get(host);
    if (!asking) {
      asking = this.#ask(host, known).finally(() => this.#asking.delete(host));
      this.#asking.set(host, asking);
    }
    return (await asking).delegated;
  }

  async #ask(host: string, before: Known | undefined): Promise<Known> {
    const found = await this.#fetch(host);
    const known = found ?? this.#failure(before);
    this.#known.set(host, known);
    return known;
  }

  /** A host that cannot be asked for a while delegates as it did, for at most two days. */
  #failure(before: Known | undefined): Known {
    const now = this.#clock.now();
    const failures = (before?.failures ?? 0) + 1;
    const until = now + Math.min(FIRST_FAILURE_MS * 2 ** (failures - 1), HOUR_MS);
    const saidAt = before?.saidAt ?? 0;
    return { delegated: now - saidAt < LONGEST_MS ? before?.delegated : undefined, until, saidAt, failures };
  }

  async #fetch(host: string): Promise<Known | undefined> {
    try {
      const url = `https://${host}/.well-known/matrix/server`;
      const answer = await this.#http.request({ method: 'GET', url, ...REQUEST });
      if (answer.status !== 200) return undefined;
      const body: unknown = JSON.parse(answer.body.toString('utf8'));
      const name = isJsonObject(body) ? body['m.server'] : undefined;
      const delegated = typeof name === 'string' ? parseServerName(name) : undefined;
      if (delegated === undefined) return undefined;
      const now = this.#clock.now();
      return { delegated, until: now + lifetimeMs(answer.headers, now), saidAt: now, failures: 0 };
    } catch {
      return undefined;
    }
  }
}

/** How long an answer may be kept, by its headers (RFC 9111), in bounds. */
function lifetimeMs(headers: Readonly<Record<string, string>>, now: number): number {
  const control = headers['cache-control']?.toLowerCase() ?? '';
  if (/\bno-(store|cache)\b/.test(control)) return SHORTEST_MS;
  const maxAge = /\bmax-age="?(\d{1,10})/.exec(control)?.[1];
  if (maxAge !== undefined) return inBounds(Number(maxAge) * 1000);
  const expires = headers.expires === undefined ? Number.NaN : Date.parse(headers.expires);
  const date = headers.date === undefined ? now : Date.parse(headers.date);
  return Number.isNaN(expires - date) ? DEFAULT_MS : inBounds(expires - date);
}

function inBounds(ms: number): number {
  return Math.min(Math.max(ms, SHORTEST_MS), LONGEST_MS);
}
