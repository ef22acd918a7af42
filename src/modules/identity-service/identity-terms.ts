import { policiesByName } from '../../accounts/terms.ts';
import type { PolicyText } from '../../platform/config/written-entries.ts';
import type { UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { Database } from '../../storage/database.ts';
import * as store from '../../storage/identity/identity-accounts-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';

/** What people agree to before they use the identity service (Identity Service API, "Terms of service"). */
export class IdentityTerms {
  readonly #database: Database;
  readonly #texts: readonly PolicyText[];
  readonly #clock: { now(): number };

  constructor(database: Database, texts: readonly PolicyText[], clock: { now(): number }) {
    this.#database = database;
    this.#texts = texts;
    this.#clock = clock;
  }

  /** The policies by name, with their languages. */
  get policies(): JsonObject {
    return policiesByName(this.#texts);
  }

  /** Whether a user has agreed to every policy as it is now, in any of its languages. */
  async hasAgreed(userId: UserId): Promise<boolean> {
    if (this.#texts.length === 0) return true;
    const urls = new Set(await store.agreedBy(this.#database, userId));
    const agreed = new Set(this.#texts.filter(({ url }) => urls.has(url)).map(({ id }) => id));
    return this.#texts.every(({ id }) => agreed.has(id));
  }

  /** Notes that a user agreed, beside what they agreed to before. Addresses that are none of a policy are passed over. */
  async agree(userId: UserId, urls: readonly string[]): Promise<void> {
    const known = new Set(this.#texts.map(({ url }) => url));
    const unit = new UnitOfWork();
    for (const url of new Set(urls)) {
      if (known.has(url)) store.agree(unit, userId, url, this.#clock.now());
    }
    await this.#database.commit(unit);
  }
}
