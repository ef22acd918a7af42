import type { Readable } from 'node:stream';
import { QueueFull, TaskQueue } from '../../platform/task-queue.ts';
import { notFound } from '../../protocol/matrix-error.ts';
import type { BlobStore, ByteRange } from '../../storage/blobs/blob-store.ts';
import type { Spool } from '../../storage/blobs/spool.ts';
import type { Database } from '../../storage/database.ts';
import * as store from '../../storage/media-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { tooManyRequests } from '../../wire/register-endpoints.ts';
import { contentBlob, thumbnailBlob } from './content-store.ts';
import type { AvailableMedia } from './media-reads.ts';
import { makeThumbnail, readPicture, type Picture } from './pictures.ts';
import { variantFor, type ThumbnailVariant, type ThumbnailWish } from './thumbnail-sizes.ts';

/** A thumbnail that can be given out. */
export interface AvailableThumbnail {
  /** Names its bytes. */
  readonly tag: string;
  readonly type: string;
  readonly bytes: number;
  open(range?: ByteRange): Promise<Readable>;
}

export interface ThumbnailsNeeds {
  readonly database: Database;
  readonly blobs: BlobStore;
  readonly spool: Spool;
  /** Pixels of the largest picture that is decoded. */
  readonly maxPixels: number;
  /** How many pictures are decoded at the same time. */
  readonly atOnce: number;
}

interface MakeOptions {
  readonly animated: boolean;
  /** In which formats the content may be given out in place of a thumbnail. */
  readonly types: readonly string[];
}

const MOST_WAITING = 100;
const WAIT_MS = 2_000;
/** Types of pictures that may be given out as thumbnails. */
const GIVEN_TYPES: readonly string[] = ['image/png', 'image/jpeg', 'image/gif', 'image/webp'];
/** Those of 2015. */
const OLD_TYPES: readonly string[] = ['image/png', 'image/jpeg'];

/** Makes thumbnails when they are first asked for, and keeps them (Content repository, "Thumbnails"). */
export class Thumbnails {
  readonly #needs: ThumbnailsNeeds;
  readonly #queue: TaskQueue;
  readonly #underWay = new Map<string, Promise<store.ThumbnailRow>>();

  constructor(needs: ThumbnailsNeeds) {
    this.#needs = needs;
    this.#queue = new TaskQueue({ atOnce: needs.atOnce, waiting: MOST_WAITING });
  }

  /**
   * A thumbnail of a content, or the content itself where it is no larger.
   *
   * @throws MatrixError 400 M_UNKNOWN where none can be made; 413 M_TOO_LARGE for too many pixels; 429 M_LIMIT_EXCEEDED
   *   while too many are being made.
   */
  async of(media: AvailableMedia, wish: ThumbnailWish): Promise<AvailableThumbnail> {
    const variant = variantFor(wish);
    const usual = variant?.name ?? `whole${wish.animated ? '-animated' : ''}`;
    const found = await this.#rowOf(media, usual, variant, wish);
    const isTooNew = wish.oldType === true && !OLD_TYPES.includes(found.content_type);
    const name = isTooNew ? `${usual}-old` : usual;
    const row = isTooNew ? await this.#rowOf(media, name, variant, wish, OLD_TYPES) : found;
    const isContent = row.bytes === 0;
    const blob = isContent ? contentBlob(media.hash) : thumbnailBlob(media.hash, name);
    return {
      tag: isContent ? media.hash : `${media.hash}-${name}`,
      type: row.content_type,
      bytes: isContent ? media.bytes : row.bytes,
      open: async (range) => {
        const stream = await this.#needs.blobs.open(blob, range);
        if (!stream) throw notFound('The thumbnail is no longer there');
        return stream;
      },
    };
  }

  async #rowOf(
    media: AvailableMedia,
    name: string,
    variant: ThumbnailVariant | undefined,
    { animated }: ThumbnailWish,
    types = GIVEN_TYPES,
  ): Promise<store.ThumbnailRow> {
    const known = await store.thumbnail(this.#needs.database, media.hash, name);
    return known ?? this.#makeOnce(media, name, variant, { animated, types });
  }

  /** Those who ask at the same time get the same. */
  #makeOnce(
    media: AvailableMedia,
    name: string,
    variant: ThumbnailVariant | undefined,
    options: MakeOptions,
  ): Promise<store.ThumbnailRow> {
    const key = `${media.hash}/${name}`;
    let making = this.#underWay.get(key);
    if (!making) {
      making = this.#queue.run(() => this.#make(media.hash, name, variant, options)).catch(waitOrFail);
      this.#underWay.set(key, making);
      const forget = () => void this.#underWay.delete(key);
      making.then(forget, forget);
    }
    return making;
  }

  async #make(
    hash: string,
    name: string,
    variant: ThumbnailVariant | undefined,
    { animated, types }: MakeOptions,
  ): Promise<store.ThumbnailRow> {
    const { database, blobs, spool, maxPixels } = this.#needs;
    const file = await blobs.asFile(contentBlob(hash));
    if (!file) throw notFound('The content is no longer there');
    try {
      const picture = await readPicture(file.path, maxPixels);
      let row: store.ThumbnailRow = { variant: name, content_type: picture.format.type, bytes: 0 };
      if (!types.includes(picture.format.type) || !servesItself(picture, variant, animated)) {
        const moves = animated && picture.width * picture.height * picture.frames <= maxPixels;
        const options = { animated: moves, mostPixels: maxPixels };
        const { path, result: made } = await spool.make((to) =>
          makeThumbnail(picture, file.path, to, variant, options),
        );
        await blobs.put(thumbnailBlob(hash, name), path);
        row = { variant: name, content_type: made.type, bytes: made.bytes };
      }
      const unit = new UnitOfWork();
      store.insertThumbnailOf(unit, hash, row);
      await database.commit(unit);
      return row;
    } finally {
      await file.release();
    }
  }
}

/** Whether the content is not larger than its thumbnail would be, and may be given out in its place. */
function servesItself(picture: Picture, variant: ThumbnailVariant | undefined, animated: boolean): boolean {
  const small = variant === undefined || (picture.width <= variant.width && picture.height <= variant.height);
  const still = !picture.format.mayMove && picture.frames === 1;
  return small && (animated || still);
}

function waitOrFail(error: unknown): never {
  throw error instanceof QueueFull ? tooManyRequests(WAIT_MS) : error;
}
