import { setTimeout as sleep } from 'node:timers/promises';
import { MatrixError } from '../../protocol/matrix-error.ts';
import type { BlobStore } from '../../storage/blobs/blob-store.ts';
import type { ReceivedFile } from '../../storage/blobs/spool.ts';
import { GuardFailed, type Database } from '../../storage/database.ts';
import * as store from '../../storage/media-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';

/** Whoever began to remove a content and is not done after this, in milliseconds, has stopped. */
export const REMOVAL_STALE_MS = 600_000;
/** A content that is being removed is waited for: this many times, this long. */
const TRIES = 50;
const TRY_MS = 100;

/** The blob of a content. */
export function contentBlob(hash: string): string {
  return `content/${hash}`;
}

/** The blob of a thumbnail of a content. */
export function thumbnailBlob(hash: string, variant: string): string {
  return `thumbnail/${hash}-${variant}`;
}

/**
 * Keeps contents by their hash, so that the same bytes are there once whoever uploads them. What is kept and not referred
 * to by a row of `media` within a day is removed again by the sweep.
 */
export class ContentStore {
  readonly #database: Database;
  readonly #blobs: BlobStore;
  readonly #clock: { now(): number };

  constructor(database: Database, blobs: BlobStore, clock: { now(): number }) {
    this.#database = database;
    this.#blobs = blobs;
    this.#clock = clock;
  }

  /**
   * Moves a received file to where contents are kept: durable when it resolves, to when that is noted to have been, in
   * milliseconds since the epoch. The file is gone afterwards, in any case.
   */
  async keep(file: ReceivedFile): Promise<number> {
    let keptAt: number;
    try {
      keptAt = await this.#announce(file);
    } catch (error) {
      await file.discard();
      throw error;
    }
    await this.#blobs.put(contentBlob(file.hash), file.path);
    return keptAt;
  }

  /** From here on nobody begins to remove the content. */
  async #announce(file: ReceivedFile): Promise<number> {
    for (let left = TRIES; left > 0; left--) {
      const now = this.#clock.now();
      const unit = new UnitOfWork();
      store.guardBlob(unit, file, now, now - REMOVAL_STALE_MS);
      try {
        await this.#database.commit(unit);
        return now;
      } catch (error) {
        if (!(error instanceof GuardFailed)) throw error;
        await sleep(TRY_MS);
      }
    }
    throw new MatrixError(503, 'M_UNKNOWN', 'The same content is being removed just now: try again');
  }
}
