import type { Threepid } from '../../accounts/threepids/threepid-addresses.ts';
import { lookupHash } from '../../protocol/identity/lookup-hash.ts';
import * as store from '../../storage/identity/associations-store.ts';
import type { Hashes, PepperRow } from '../../storage/identity/associations-store.ts';
import { GuardFailed, type Database, type Reader, type Writer } from '../../storage/database.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';

/**
 * The pepper with which identifiers are hashed, and its rotation. While there is a next pepper, what is known is hashed
 * with it piece by piece beside the present hashes; once all is, it takes over. Any process can go on where another
 * stopped.
 */
export class LookupPeppers {
  readonly #database: Database;
  readonly #lifetimeMs: number;
  readonly #clock: { now(): number };
  readonly #opaque: (length: number) => string;
  readonly #onError: (error: unknown) => void;
  #rotation: Promise<void> | undefined;
  #isEnding = false;

  constructor(needs: {
    database: Database;
    lifetimeMs: number;
    clock: { now(): number };
    opaque: (length: number) => string;
    onError: (error: unknown) => void;
  }) {
    this.#database = needs.database;
    this.#lifetimeMs = needs.lifetimeMs;
    this.#clock = needs.clock;
    this.#opaque = needs.opaque;
    this.#onError = needs.onError;
  }

  /** The pepper that counts now. One that is too old is on its way out after that, behind the back of who asks. */
  async current(): Promise<PepperRow> {
    const row = await this.#read(this.#database);
    if (this.#isDue(row) && !this.#isEnding) {
      this.#rotation ??= this.#rotate()
        .catch(this.#onError)
        .finally(() => (this.#rotation = undefined));
    }
    return row;
  }

  /** The hashes of an identifier, within a unit that fails when they are no longer the right ones. */
  async hashesFor(reader: Reader, writer: Writer, threepid: Threepid): Promise<Hashes> {
    const row = await this.#read(reader);
    store.assertPepper(writer, row);
    const present = lookupHash(threepid, row.pepper);
    const next = row.next_pepper === null ? null : lookupHash(threepid, row.next_pepper);
    return row.generation % 2 === 0 ? { even: present, odd: next } : { even: next, odd: present };
  }

  /** Makes sure that there is a pepper. */
  async start(): Promise<void> {
    const unit = new UnitOfWork();
    store.beginPeppers(unit, this.#opaque(32), this.#clock.now());
    await this.#database.commit(unit);
  }

  /** Ends a rotation that is under way: another goes on with it. */
  async stop(): Promise<void> {
    this.#isEnding = true;
    await this.#rotation;
  }

  /** Whether it is on its way out, or too old. */
  #isDue(row: PepperRow): boolean {
    return row.next_pepper !== null || row.made_at + this.#lifetimeMs <= this.#clock.now();
  }

  async #read(reader: Reader): Promise<PepperRow> {
    const row = await store.currentPepper(reader);
    if (!row) throw new Error('The identity service has no pepper');
    return row;
  }

  async #rotate(): Promise<void> {
    try {
      while (!this.#isEnding && (await this.#step()));
    } catch (error) {
      // Another process is at it, too: it goes on.
      if (!(error instanceof GuardFailed)) throw error;
    }
  }

  /** Hashes some identifiers with the next pepper; gives whether there are more. */
  async #step(): Promise<boolean> {
    const row = await this.#read(this.#database);
    // Another process may have ended the rotation since this one was begun.
    if (!this.#isDue(row)) return false;
    const pepper = row.next_pepper ?? this.#opaque(32);
    const last = { medium: row.next_medium ?? '', address: row.next_address ?? '' };
    const unit = new UnitOfWork();
    if (row.next_pepper === null) {
      store.prepareNext(unit, row, { pepper, ...last });
      await this.#database.commit(unit);
      return true;
    }
    const some = await store.following(this.#database, last.medium, last.address);
    for (const threepid of some)
      store.setHash(unit, threepid, lookupHash(threepid, pepper), row.generation + 1);
    const end = some.at(-1);
    if (end) store.prepareNext(unit, row, { pepper, ...end });
    else store.turnToNext(unit, row, this.#clock.now());
    await this.#database.commit(unit);
    return end !== undefined;
  }
}
