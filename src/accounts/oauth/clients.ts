import { hash } from 'node:crypto';
import { canonicalJson } from '../../protocol/canonical-json.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { Database } from '../../storage/database.ts';
import * as clientsStore from '../../storage/accounts/oauth-clients-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { keptMetadata, metadataBody, parseClientMetadata, type ClientMetadata } from './client-metadata.ts';
import { OAuthError } from './oauth-error.ts';

/** A client that was registered. */
export interface OAuthClient {
  readonly id: string;
  readonly metadata: ClientMetadata;
}

/** Clients without a session are forgotten this long after they registered last. */
const KEPT_FOR_MS = 30 * 24 * 3_600_000;
/** Characters of a client ID: 144 bits of a hash. */
const CHARACTERS_OF_ID = 24;

/** Clients of the OAuth 2.0 API (Client-Server API, "Client registration"; RFC 7591). */
export class OAuthClients {
  readonly #database: Database;
  readonly #clock: { now(): number };

  constructor(database: Database, clock: { now(): number }) {
    this.#database = database;
    this.#clock = clock;
  }

  /**
   * Registers a client. Its ID is made from what it says of itself: the same client on many devices has one ID.
   *
   * @throws OAuthError for metadata that is not allowed.
   */
  async register(body: JsonObject): Promise<OAuthClient> {
    const metadata = parseClientMetadata(body);
    const text = canonicalJson(metadataBody(metadata), { strict: true });
    const id = hash('sha256', text, 'base64url').slice(0, CHARACTERS_OF_ID);
    const now = this.#clock.now();
    const unit = new UnitOfWork();
    clientsStore.put(unit, { clientId: id, metadata: text }, now, now - KEPT_FOR_MS);
    await this.#database.commit(unit);
    return { id, metadata };
  }

  /** @throws OAuthError invalid_client for one that is not registered. */
  async byId(id: string): Promise<OAuthClient> {
    const text = await clientsStore.byId(this.#database, id);
    if (text === undefined) {
      throw new OAuthError('invalid_client', 'This client is not registered here: it has to register first');
    }
    return { id, metadata: keptMetadata(text) };
  }
}
