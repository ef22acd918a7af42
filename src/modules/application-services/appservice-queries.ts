import type { Appservice, Appservices } from '../../accounts/application-services/appservices.ts';
import { OutgoingError } from '../../platform/outgoing-http.ts';
import { isInNamespace } from '../../protocol/application-services/registration.ts';
import type { RoomAlias, UserId } from '../../protocol/identifiers.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { Database } from '../../storage/database.ts';
import * as usersStore from '../../storage/accounts/users-store.ts';
import type { AppserviceClient } from './appservice-client.ts';

const TIMEOUT_MS = 20_000;
/** Times that a service is asked before the client is told that it does not answer. */
const TRIES = 3;

/**
 * Asks application services whether users and aliases of their namespaces exist, which they may then make (Application
 * Service API, "Querying").
 */
export class AppserviceQueries {
  readonly #appservices: Appservices;
  readonly #client: AppserviceClient;
  readonly #database: Database;

  constructor(appservices: Appservices, client: AppserviceClient, database: Database) {
    this.#appservices = appservices;
    this.#client = client;
    this.#database = database;
  }

  /**
   * Gives the application service of an alias that does not exist the chance to make it.
   *
   * @throws MatrixError 408 M_UNKNOWN when it does not answer.
   */
  async askForAlias(alias: RoomAlias): Promise<void> {
    for (const service of this.#appservices.all) {
      if (!isInNamespace(service, 'aliases', alias)) continue;
      if (await this.#exists(service, `/rooms/${encodeURIComponent(alias)}`)) return;
    }
  }

  /**
   * Gives the application service of a user who does not exist the chance to make them.
   *
   * @throws MatrixError 408 M_UNKNOWN when it does not answer.
   */
  async askForUser(userId: UserId): Promise<void> {
    const services = this.#appservices.all.filter((service) => isInNamespace(service, 'users', userId));
    if (services.length === 0 || (await usersStore.byId(this.#database, userId))) return;
    for (const service of services) {
      if (await this.#exists(service, `/users/${encodeURIComponent(userId)}`)) return;
    }
  }

  async #exists(service: Appservice, path: string): Promise<boolean> {
    if (service.url === undefined) return false;
    for (let tries = 1; ; tries++) {
      try {
        const request = { method: 'GET', path, legacyPath: path, timeoutMs: TIMEOUT_MS } as const;
        return (await this.#client.request(service, request)).status === 200;
      } catch (error) {
        if (!(error instanceof OutgoingError)) throw error;
        if (tries < TRIES) continue;
        const message = 'The application service that it belongs to does not answer';
        throw new MatrixError(408, 'M_UNKNOWN', message, { cause: error.reason });
      }
    }
  }
}
