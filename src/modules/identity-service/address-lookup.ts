import type { UserId } from '../../protocol/identifiers.ts';
import { invalidParam, MatrixError } from '../../protocol/matrix-error.ts';
import * as store from '../../storage/identity/associations-store.ts';
import type { Database } from '../../storage/database.ts';
import type { LookupPeppers } from './lookup-peppers.ts';

/** Identifiers that one request may ask for. */
export const MOST_ADDRESSES = 10_000;

/** What a client asks for with `lookup`. */
export interface LookupWish {
  readonly algorithm: string;
  readonly pepper: string;
  readonly addresses: readonly string[];
}

/** Finds users by their addresses and phone numbers (Identity Service API, "Association lookup"). */
export class AddressLookup {
  readonly #database: Database;
  readonly #peppers: LookupPeppers;
  readonly #algorithms: readonly string[];
  readonly #allow: (userId: UserId, addresses: number) => void;

  /**
   * @param needs.isPlainAllowed whether identifiers may be asked for as they are (`none`).
   * @param needs.allow throws 429 when a user looked up too many identifiers lately.
   */
  constructor(needs: {
    database: Database;
    peppers: LookupPeppers;
    isPlainAllowed: boolean;
    allow: (userId: UserId, addresses: number) => void;
  }) {
    this.#database = needs.database;
    this.#peppers = needs.peppers;
    this.#algorithms = needs.isPlainAllowed ? ['sha256', 'none'] : ['sha256'];
    this.#allow = needs.allow;
  }

  /** How identifiers have to be hashed. */
  async hashDetails(): Promise<{ lookup_pepper: string; algorithms: readonly string[] }> {
    return { lookup_pepper: (await this.#peppers.current()).pepper, algorithms: this.#algorithms };
  }

  /**
   * Users by the given hashes; those that are nobody's are left out.
   *
   * @throws MatrixError 400 M_INVALID_PEPPER when the pepper was rotated meanwhile, M_INVALID_PARAM; 429.
   */
  async lookup(userId: UserId, wish: LookupWish): Promise<Record<string, string>> {
    if (!this.#algorithms.includes(wish.algorithm)) {
      throw invalidParam(`"algorithm" must be one of ${this.#algorithms.join(', ')}`);
    }
    if (wish.addresses.length > MOST_ADDRESSES) {
      throw invalidParam(`"addresses" must be at most ${MOST_ADDRESSES}`);
    }
    const { pepper, generation } = await this.#peppers.current();
    if (wish.pepper !== pepper) {
      throw new MatrixError(
        400,
        'M_INVALID_PEPPER',
        'This is not the pepper of now: ask /hash_details again',
      );
    }
    this.#allow(userId, wish.addresses.length);
    const addresses = [...new Set(wish.addresses)];
    return wish.algorithm === 'none' ? this.#byName(addresses) : this.#byHash(addresses, generation);
  }

  async #byHash(hashes: readonly string[], generation: number): Promise<Record<string, string>> {
    const asked = hashes.filter((hash) => hash !== '');
    const found = await store.byHashes(this.#database, asked, generation);
    return Object.fromEntries(found.map(({ hash, mxid }) => [hash, mxid]));
  }

  async #byName(names: readonly string[]): Promise<Record<string, string>> {
    const found: [string, string][] = [];
    for (const name of names) {
      const space = name.lastIndexOf(' ');
      if (space < 0) continue;
      const [address, medium] = [name.slice(0, space), name.slice(space + 1)];
      const row = await store.byAddress(this.#database, medium, address);
      if (row) found.push([name, row.mxid]);
    }
    return Object.fromEntries(found);
  }
}
