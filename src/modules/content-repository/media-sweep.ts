import type { ServerName } from '../../protocol/identifiers.ts';
import type { BlobStore } from '../../storage/blobs/blob-store.ts';
import type { Spool } from '../../storage/blobs/spool.ts';
import type { Database } from '../../storage/database.ts';
import { commitIfFirst } from '../../storage/guarded-commit.ts';
import * as store from '../../storage/media-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { contentBlob, REMOVAL_STALE_MS, thumbnailBlob } from './content-store.ts';

export interface MediaSweepNeeds {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly spool: Spool;
  readonly clock: { now(): number };
  readonly serverName: ServerName;
  /** Bytes of other servers' content and of pictures of previews that are kept. */
  readonly fetchedBytes: number;
}

const HOUR_MS = 3_600_000;
/** Servers that are started often sweep, too. */
const FIRST_MS = 60_000;
/** Contents that nothing refers to, and files that did not arrive, stay so long: an upload may still be under way. */
const GRACE_MS = 24 * HOUR_MS;
/** A file takes a block of the disk at least. */
const LEAST_BYTES = 4_096;
const PAGE = 200;
/** Pages of one sweep; what is left is for the next one. */
const MOST_PAGES = 50;
/** Room is made each time that so small a part of what may be kept was fetched. */
const PARTS = 16;
/** More thumbnails of a content than there can be. */
const MOST_THUMBNAILS = 1_000;

/**
 * Removes what is no longer wanted: content URIs that were never uploaded to, pictures of old previews, what was fetched
 * longest ago where there is too much of it, contents that nothing refers to, and what is left of uploads that broke off.
 * Several processes may do so at the same time.
 */
export class MediaSweep {
  readonly #needs: MediaSweepNeeds;
  #timer: NodeJS.Timeout | undefined;
  #sweeping: Promise<void> = Promise.resolve();
  #stopped = false;
  #fetched = 0;
  #onError: (error: unknown) => void = () => undefined;

  constructor(needs: MediaSweepNeeds) {
    this.#needs = needs;
  }

  /** Sweeps soon, and then every hour. */
  start(onError: (error: unknown) => void): void {
    this.#onError = onError;
    const sweepIn = (ms: number) => {
      this.#timer = setTimeout(() => {
        this.run().catch(this.#onError);
        sweepIn(HOUR_MS);
      }, ms).unref();
    };
    sweepIn(FIRST_MS);
  }

  /** Is told of bytes that were fetched, and makes room where it is often enough. */
  noteFetched(bytes: number): void {
    this.#fetched += Math.max(bytes, LEAST_BYTES);
    if (this.#stopped || this.#fetched < this.#needs.fetchedBytes / PARTS) return;
    this.#fetched = 0;
    this.#inTurn(() => this.#removeFetched()).catch(this.#onError);
  }

  /** Ends the sweep that is under way, if one is, and begins no other. */
  async stop(): Promise<void> {
    this.#stopped = true;
    clearTimeout(this.#timer);
    await this.#sweeping;
  }

  /** Sweeps once. */
  run(): Promise<void> {
    return this.#inTurn(() => this.#sweep());
  }

  async #sweep(): Promise<void> {
    const now = this.#needs.clock.now();
    await this.#pages(() => this.#removeExpired(now));
    await this.#removeFetched();
    await this.#pages(() => this.#removeUnused(now));
    await this.#needs.spool.sweep(now - GRACE_MS);
  }

  /** Two at once would each make the room that is missing. */
  #inTurn(sweep: () => Promise<void>): Promise<void> {
    const swept = this.#sweeping.then(sweep);
    this.#sweeping = swept.catch(() => undefined);
    return swept;
  }

  /** Does one page after the other, while pages are full. */
  async #pages(page: () => Promise<number>): Promise<void> {
    for (let left = MOST_PAGES; left > 0 && !this.#stopped; left--) {
      if ((await page()) < PAGE) return;
    }
  }

  async #removeExpired(now: number): Promise<number> {
    const { database } = this.#needs;
    const rows = await store.expiredBefore(database, now, PAGE);
    if (rows.length === 0) return 0;
    const unit = new UnitOfWork();
    for (const row of rows) store.remove(unit, row, now);
    await database.commit(unit);
    return rows.length;
  }

  async #removeFetched(): Promise<void> {
    const { database, serverName, fetchedBytes } = this.#needs;
    if (fetchedBytes === Infinity) return;
    let bytes = await store.fetchedUsage(database, serverName);
    await this.#pages(async () => {
      if (bytes <= fetchedBytes) return 0;
      const unit = new UnitOfWork();
      const rows = await store.fetchedLongAgo(database, serverName, PAGE);
      const removed: store.MediaRow[] = [];
      for (const row of rows) {
        if (bytes <= fetchedBytes) break;
        store.removeFetched(unit, row);
        removed.push(row);
        bytes -= Math.max(row.bytes, LEAST_BYTES);
      }
      await database.commit(unit);
      for (const row of removed) await this.#removeContentOf(row);
      return rows.length;
    });
  }

  /** The content goes at once where it was kept for this row, and nobody has begun to use it since. */
  async #removeContentOf({ hash, uploaded_at: keptAt }: store.MediaRow): Promise<void> {
    if (hash !== null && keptAt !== null) await this.#removeContent(hash, keptAt + 1);
  }

  async #removeUnused(now: number): Promise<number> {
    const hashes = await store.unused(this.#needs.database, now - GRACE_MS, PAGE);
    let removed = 0;
    for (const hash of hashes) removed += Number(await this.#removeContent(hash, now - GRACE_MS));
    return removed;
  }

  /** Whether it was removed: not if it was used at `before` or later, or another process is at it. */
  async #removeContent(hash: string, before: number): Promise<boolean> {
    const { database, blobs, clock } = this.#needs;
    const now = clock.now();
    const claim = new UnitOfWork();
    store.guardRemoval(claim, hash, { now, before, stale: now - REMOVAL_STALE_MS });
    if (!(await commitIfFirst(database, claim))) return false;
    for (const { variant, bytes } of await store.thumbnails(database, hash, MOST_THUMBNAILS)) {
      if (bytes > 0) await blobs.remove(thumbnailBlob(hash, variant));
    }
    await blobs.remove(contentBlob(hash));
    const unit = new UnitOfWork();
    store.forgetBlob(unit, hash, now);
    await database.commit(unit);
    return true;
  }
}
