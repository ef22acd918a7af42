import { tokenHash } from '../../accounts/token-hash.ts';
import type { ServerName, UserId } from '../../protocol/identifiers.ts';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { Database } from '../../storage/database.ts';
import * as store from '../../storage/identity/identity-accounts-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { IdentityAccount } from '../../wire/session.ts';
import type { Homeservers } from './homeservers.ts';
import type { IdentityTerms } from './identity-terms.ts';

/** Who may use the identity service (Identity Service API, "Authentication"). */
export class IdentityAccounts {
  readonly #database: Database;
  readonly #homeservers: Homeservers;
  readonly #terms: IdentityTerms;
  readonly #clock: { now(): number };
  readonly #opaque: (length: number) => string;

  constructor(needs: {
    database: Database;
    homeservers: Homeservers;
    terms: IdentityTerms;
    clock: { now(): number };
    opaque: (length: number) => string;
  }) {
    this.#database = needs.database;
    this.#homeservers = needs.homeservers;
    this.#terms = needs.terms;
    this.#clock = needs.clock;
    this.#opaque = needs.opaque;
  }

  /**
   * Gives an access token to the user to whom a homeserver gave an OpenID token.
   *
   * @throws MatrixError 401 M_UNAUTHORIZED where that homeserver does not know it, 502 where it does not answer.
   */
  async register(server: ServerName, openIdToken: string): Promise<string> {
    const userId = await this.#homeservers.userOf(server, openIdToken);
    const token = `myid_${this.#opaque(40)}`;
    const unit = new UnitOfWork();
    store.addToken(unit, tokenHash(token), userId, this.#clock.now());
    await this.#database.commit(unit);
    return token;
  }

  /**
   * Whoever has an access token.
   *
   * @throws MatrixError 401 M_UNAUTHORIZED; 403 M_TERMS_NOT_SIGNED unless `mayLackTerms`.
   */
  async authenticate(token: string | undefined, mayLackTerms: boolean): Promise<IdentityAccount> {
    if (token === undefined) {
      throw unauthorized(
        'This needs an access token of the identity service: "Authorization: Bearer <token>"',
      );
    }
    const hashed = tokenHash(token);
    const userId = await store.userOf(this.#database, hashed);
    if (userId === undefined) throw unauthorized('The identity service does not know this access token');
    if (!mayLackTerms) await this.#assertAgreed(userId);
    return { userId, tokenHash: hashed };
  }

  /** Ends the token that was used. */
  async logout(account: IdentityAccount): Promise<void> {
    const unit = new UnitOfWork();
    store.removeToken(unit, account.tokenHash);
    await this.#database.commit(unit);
  }

  async #assertAgreed(userId: UserId): Promise<void> {
    if (await this.#terms.hasAgreed(userId)) return;
    const message = 'The terms of the identity service have to be agreed to before it can be used';
    throw new MatrixError(403, 'M_TERMS_NOT_SIGNED', message);
  }
}

function unauthorized(message: string): MatrixError {
  return new MatrixError(401, 'M_UNAUTHORIZED', message);
}
