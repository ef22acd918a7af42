import { hash } from 'node:crypto';
import type { ServerName, UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { Database } from '../../storage/database.ts';
import * as openidStore from '../../storage/accounts/openid-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';

const LIFETIME_SECONDS = 3_600;

/** Tokens by which users prove to other services who they are (Client-Server API, "OpenID"). */
export class OpenIdTokens {
  readonly #database: Database;
  readonly #serverName: ServerName;
  readonly #clock: { now(): number };
  readonly #opaque: (length: number) => string;

  constructor(needs: {
    database: Database;
    serverName: ServerName;
    clock: { now(): number };
    opaque: (length: number) => string;
  }) {
    this.#database = needs.database;
    this.#serverName = needs.serverName;
    this.#clock = needs.clock;
    this.#opaque = needs.opaque;
  }

  /** Makes a token that is valid for an hour. It opens nothing here but `userOf`. */
  async issue(userId: UserId): Promise<JsonObject> {
    const token = `myi_${this.#opaque(40)}`;
    const now = this.#clock.now();
    const unit = new UnitOfWork();
    const expiresAt = now + LIFETIME_SECONDS * 1000;
    openidStore.add(unit, { hash: kept(token), userId, expiresAt }, now);
    await this.#database.commit(unit);
    return {
      access_token: token,
      token_type: 'Bearer',
      matrix_server_name: this.#serverName,
      expires_in: LIFETIME_SECONDS,
    };
  }

  /**
   * Whose token this is.
   *
   * @throws MatrixError 401 M_UNKNOWN_TOKEN for one that is unknown or has expired.
   */
  async userOf(token: string): Promise<UserId> {
    const userId = await openidStore.userOf(this.#database, kept(token), this.#clock.now());
    if (userId === undefined) {
      throw new MatrixError(401, 'M_UNKNOWN_TOKEN', 'The OpenID token is not known, or has expired');
    }
    return userId;
  }
}

/** Tokens are kept as SHA-256 only. */
function kept(token: string): Buffer {
  return hash('sha256', token, 'buffer');
}
