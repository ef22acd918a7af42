import { hash } from 'node:crypto';
import { boundedCache } from '../../platform/bounded-cache.ts';
import type { ServerName } from '../../protocol/identifiers.ts';
import { isJsonObject } from '../../protocol/json.ts';
import type { Reader } from '../../storage/database.ts';
import * as serverKeysStore from '../../storage/federation/server-keys-store.ts';
import type { Route, ServerResolution } from '../discovery/server-resolution.ts';
import { FederationError } from '../federation-error.ts';

/** Looks which certificate is shown at the end of a route. */
export interface CertificateSource {
  /** @throws Error where nobody answers there who can prove to be the server. */
  certificateAt(route: Route): Promise<Buffer>;
}

/** How long it is believed what a server's certificates are, and for how long at least one that is none is refused. */
const KEPT_MS = 3_600_000;
const PAUSE_MS = 1_000;
const MOST_SERVERS = 5_000;

interface Known {
  readonly since: number;
  readonly sha256: Promise<ReadonlySet<string>>;
}

/**
 * Knows the TLS certificates of other servers: those whose fingerprints they publish with their keys (specification of
 * October 2015, "Publishing Keys"), and those that they show when they are connected to.
 */
export class OriginCertificates {
  readonly #reader: Reader;
  readonly #resolution: ServerResolution;
  readonly #source: CertificateSource;
  readonly #clock: { now(): number };
  readonly #known = boundedCache<ServerName, Known>(MOST_SERVERS);

  constructor(needs: {
    reader: Reader;
    resolution: ServerResolution;
    source: CertificateSource;
    clock: { now(): number };
  }) {
    this.#reader = needs.reader;
    this.#resolution = needs.resolution;
    this.#source = needs.source;
    this.#clock = needs.clock;
  }

  /**
   * Whether a certificate is one of a server. Not where it cannot be found out.
   *
   * @param sha256 of its DER, in unpadded base64.
   */
  async isOf(server: ServerName, sha256: string): Promise<boolean> {
    const now = this.#clock.now();
    const known = this.#known.get(server);
    if (known && now - known.since < KEPT_MS) {
      if ((await known.sha256).has(sha256)) return true;
      // The server may have a new one; but it is not asked again and again.
      if (now - known.since < PAUSE_MS) return false;
    }
    const found = this.#find(server, now);
    this.#known.set(server, { since: now, sha256: found });
    return (await found).has(sha256);
  }

  async #find(server: ServerName, now: number): Promise<ReadonlySet<string>> {
    const routes = await this.#routesTo(server);
    const [published, ...shown] = await Promise.all([
      this.#published(server, now),
      ...routes.map((route) => this.#source.certificateAt(route).then(fingerprint, () => undefined)),
    ]);
    return new Set([...published, ...shown.filter((one) => one !== undefined)]);
  }

  /** None where its host says that there is no server. */
  async #routesTo(server: ServerName): Promise<readonly Route[]> {
    try {
      return await this.#resolution.routes(server);
    } catch (error) {
      if (error instanceof FederationError) return [];
      throw error;
    }
  }

  async #published(server: ServerName, now: number): Promise<string[]> {
    const kept = await serverKeysStore.answer(this.#reader, server);
    if (!kept || kept.valid_until < now) return [];
    const answer: unknown = JSON.parse(kept.answer);
    const all = isJsonObject(answer) ? answer.tls_fingerprints : undefined;
    return (Array.isArray(all) ? all : []).flatMap((one) =>
      isJsonObject(one) && typeof one.sha256 === 'string' ? one.sha256.replace(/=+$/, '') : [],
    );
  }
}

function fingerprint(der: Buffer): string {
  return hash('sha256', der, 'base64').replace(/=+$/, '');
}
