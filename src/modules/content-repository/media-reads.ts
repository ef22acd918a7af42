import { once, EventEmitter } from 'node:events';
import type { Readable } from 'node:stream';
import type { ContentUri } from '../../protocol/content-uri.ts';
import type { ServerName } from '../../protocol/identifiers.ts';
import { MatrixError, notFound } from '../../protocol/matrix-error.ts';
import type { BlobStore, ByteRange } from '../../storage/blobs/blob-store.ts';
import type { Change, Database } from '../../storage/database.ts';
import * as store from '../../storage/media-store.ts';
import { contentBlob } from './content-store.ts';
import type { RemoteMedia } from './remote-media.ts';

/** A content that can be given out. */
export interface AvailableMedia {
  readonly uri: ContentUri;
  /** SHA-256 of the content, in hexadecimal. */
  readonly hash: string;
  readonly bytes: number;
  readonly contentType: string;
  readonly fileName: string | undefined;
}

/** How a content is asked for. */
export interface MediaWish {
  /** Milliseconds to wait for one that is not uploaded yet. */
  readonly timeoutMs: number;
  /** Whether content of other servers is asked of them. */
  readonly allowRemote: boolean;
  /** Whether the caller did not say who they are: new files are not for them, once that is frozen. */
  readonly anonymous: boolean;
  /** Whose allowance it counts for when something is fetched: a user or an address; undefined for nobody's. */
  readonly fetcher?: string | undefined;
  readonly signal: AbortSignal;
}

export interface MediaReadsNeeds {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly remote: RemoteMedia;
  readonly clock: { now(): number };
  readonly serverName: ServerName;
  /** Moment from which new files are not for anonymous callers, in milliseconds since the epoch; Infinity for never. */
  readonly frozenFrom: number;
}

/** Longest that anybody waits for an upload, in milliseconds. */
const LONGEST_WAIT_MS = 60_000;
/** What those who wait are told when changes may have been missed. */
const ANY = '';

/** Gives out what is in the content repository. */
export class MediaReads {
  readonly #needs: MediaReadsNeeds;
  readonly #uploaded = new EventEmitter().setMaxListeners(0);

  constructor(needs: MediaReadsNeeds) {
    this.#needs = needs;
    needs.database.subscribe((changes) => this.#tell(changes));
  }

  /**
   * Finds a content, waiting for it if its URI was made and its upload is still to come.
   *
   * @throws MatrixError 404 M_NOT_FOUND; 429 M_LIMIT_EXCEEDED where the fetcher has had too much fetched; 504
   *   M_NOT_YET_UPLOADED once the time to wait is over.
   */
  async find(uri: ContentUri, wish: MediaWish): Promise<AvailableMedia> {
    const row =
      uri.origin === this.#needs.serverName
        ? await this.#findOwn(uri, wish)
        : wish.allowRemote && !this.#isFrozenFor(wish, this.#needs.clock.now())
          ? await this.#needs.remote.obtain(uri, wish)
          : await store.get(this.#needs.database, uri.origin, uri.mediaId);
    if (!row || row.hash === null) throw notFound('There is no such content');
    if (this.#isFrozenFor(wish, row.uploaded_at ?? 0)) {
      throw notFound('There is no such content for callers without an access token');
    }
    return {
      uri,
      hash: row.hash,
      bytes: row.bytes,
      contentType: row.content_type ?? 'application/octet-stream',
      fileName: row.file_name ?? undefined,
    };
  }

  /** Whether what came at a time is not for who asks. */
  #isFrozenFor({ anonymous }: MediaWish, cameAt: number): boolean {
    return anonymous && cameAt >= this.#needs.frozenFrom;
  }

  /** The bytes, or some of them. Whoever gets the stream reads or destroys it. */
  async open(media: AvailableMedia, range?: ByteRange): Promise<Readable> {
    const content = await this.#needs.blobs.open(contentBlob(media.hash), range);
    if (!content) throw notFound('The content is no longer there');
    return content;
  }

  async #findOwn(uri: ContentUri, wish: MediaWish): Promise<store.MediaRow | undefined> {
    const row = await this.#read(uri);
    if (row?.hash !== null) return row;
    const timeout = AbortSignal.timeout(Math.min(Math.max(wish.timeoutMs, 0), LONGEST_WAIT_MS));
    const signal = AbortSignal.any([timeout, wish.signal]);
    for (;;) {
      const told = this.#told(uri.mediaId, signal);
      const again = await this.#read(uri);
      if (again?.hash !== null) {
        told.cancel();
        return again;
      }
      if (!(await told.happened)) {
        throw new MatrixError(504, 'M_NOT_YET_UPLOADED', 'The content has not been uploaded yet');
      }
    }
  }

  /** The row, unless it waited for its content too long. */
  async #read({ origin, mediaId }: ContentUri): Promise<store.MediaRow | undefined> {
    const row = await store.get(this.#needs.database, origin, mediaId);
    const over = row?.hash === null && (row.expires_at ?? 0) <= this.#needs.clock.now();
    return over ? undefined : row;
  }

  /** Whether an upload to the ID is told of before the signal aborts. */
  #told(mediaId: string, signal: AbortSignal): { happened: Promise<boolean>; cancel: () => void } {
    const over = new AbortController();
    const either = AbortSignal.any([signal, over.signal]);
    const event = (name: string) => once(this.#uploaded, name, { signal: either });
    const happened = Promise.race([event(`/${mediaId}`), event(ANY)]).then(
      () => true,
      () => false,
    );
    void happened.then(() => over.abort());
    return { happened, cancel: () => over.abort() };
  }

  #tell(changes: readonly Change[]): void {
    for (const { topic, data } of changes) {
      if (topic === 'media' && typeof data === 'string') this.#uploaded.emit(`/${data}`);
      if (topic === 'reset') this.#uploaded.emit(ANY);
    }
  }
}
