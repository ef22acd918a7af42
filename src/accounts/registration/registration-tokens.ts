import type { Database, Writer } from '../../storage/database.ts';
import * as registrationTokensStore from '../../storage/accounts/registration-tokens-store.ts';

/**
 * Tokens by which people may register: those in the configuration, for any number of accounts and only while they are
 * in it, and those in the database, within their limits. The configured ones are not written down: of several processes
 * each goes by its own configuration, and none brings back what another was told to forget.
 */
export class RegistrationTokens {
  readonly #database: Database;
  readonly #clock: { now(): number };
  readonly #configured: ReadonlySet<string>;

  constructor(needs: { database: Database; clock: { now(): number }; configured: readonly string[] }) {
    this.#database = needs.database;
    this.#clock = needs.clock;
    this.#configured = new Set(needs.configured);
  }

  /** Whether one can register with the token now. */
  async isUsable(token: string): Promise<boolean> {
    if (this.#configured.has(token)) return true;
    return registrationTokensStore.isUsable(this.#database, token, this.#clock.now());
  }

  /** Counts a registration; the unit fails when the token is not configured any more and has no uses left. */
  use(writer: Writer, token: string): void {
    if (!this.#configured.has(token)) registrationTokensStore.use(writer, token);
  }
}
