import { MatrixError, notFound } from '../../protocol/matrix-error.ts';
import type { Database } from '../../storage/database.ts';
import { commitOrRefuse } from '../../storage/guarded-commit.ts';
import * as rendezvousStore from '../../storage/accounts/rendezvous-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';

/** Milliseconds that two devices have, and the longest that they may show each other, in bytes. */
const LIFETIME_MS = 300_000;
const MOST_BYTES = 4_096;

/** What a session shows. */
export interface Shown {
  readonly data: Buffer;
  /** Names this state of the session: who changes it has to name the one that they saw. */
  readonly version: string;
  /** Milliseconds since the epoch. */
  readonly expiresAt: number;
}

/** Somebody else changed the session since. Each of the two proposals words this error in its own way. */
export class ConcurrentWrite extends Error {
  constructor() {
    super('The session was changed by somebody else since');
  }
}

/**
 * Meeting places for two devices of one person, of which one is to be signed in by a QR code (MSC4108, MSC4388). Both show
 * each other something short; whoever knows the session's ID may look, write and end it.
 */
export class Rendezvous {
  readonly #database: Database;
  readonly #clock: { now(): number };
  readonly #opaque: (length: number) => string;

  constructor(database: Database, clock: { now(): number }, opaque: (length: number) => string) {
    this.#database = database;
    this.#clock = clock;
    this.#opaque = opaque;
  }

  /** Begins a session. 413 for more than 4 KiB. */
  async begin(data: Buffer): Promise<{ id: string; shown: Shown }> {
    assertShort(data);
    const now = this.#clock.now();
    const [id, version] = [this.#opaque(32), this.#opaque(20)];
    const expiresAt = now + LIFETIME_MS;
    const unit = new UnitOfWork();
    rendezvousStore.add(unit, id, { data, version, expires_at: expiresAt }, now);
    await this.#database.commit(unit);
    return { id, shown: { data, version, expiresAt } };
  }

  /** What a session shows. 404 for one that is not known or has expired. */
  async look(id: string): Promise<Shown> {
    const row = await rendezvousStore.byId(this.#database, id, this.#clock.now());
    if (!row) throw unknown();
    return { data: Buffer.from(row.data), version: row.version, expiresAt: row.expires_at };
  }

  /**
   * Shows something else.
   *
   * @param from the version that the writer saw.
   * @throws ConcurrentWrite when there is another since; MatrixError 404, or 413 for more than 4 KiB.
   */
  async change(id: string, from: string, data: Buffer): Promise<Shown> {
    assertShort(data);
    const { expiresAt } = await this.look(id);
    const version = this.#opaque(20);
    const unit = new UnitOfWork();
    rendezvousStore.change(unit, id, { data, version, from }, this.#clock.now());
    await commitOrRefuse(this.#database, unit, () => new ConcurrentWrite());
    return { data, version, expiresAt };
  }

  /** Ends a session. 404 for one that is not known or has expired. */
  async end(id: string): Promise<void> {
    const unit = new UnitOfWork();
    rendezvousStore.remove(unit, id, this.#clock.now());
    await commitOrRefuse(this.#database, unit, () => unknown());
  }
}

function assertShort(data: Buffer): void {
  if (data.length <= MOST_BYTES) return;
  throw new MatrixError(413, 'M_TOO_LARGE', `A session takes at most ${MOST_BYTES} bytes`);
}

function unknown(): MatrixError {
  return notFound('This session is not known or has expired');
}
