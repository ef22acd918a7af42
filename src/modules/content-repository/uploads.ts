import type { Readable } from 'node:stream';
import type { ContentUri } from '../../protocol/content-uri.ts';
import type { ServerName, UserId } from '../../protocol/identifiers.ts';
import { forbidden, MatrixError, notFound } from '../../protocol/matrix-error.ts';
import { mediaTypeOf } from '../../protocol/served-content.ts';
import { KeyedQueue } from '../../platform/keyed-queue.ts';
import { TooManyBytes, type ReceivedFile, type Spool } from '../../storage/blobs/spool.ts';
import { GuardFailed, type Database } from '../../storage/database.ts';
import { commitOrRefuse } from '../../storage/guarded-commit.ts';
import * as store from '../../storage/media-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import type { ContentStore } from './content-store.ts';

/** A file on its way in. */
export interface IncomingFile {
  readonly stream: Readable;
  readonly type: string | undefined;
  /** Bytes, if that was said beforehand. */
  readonly length: number | undefined;
  readonly fileName: string | undefined;
}

/** How much may be uploaded. */
export interface UploadLimits {
  /** Bytes of one file. */
  readonly maxBytes: number;
  /** Bytes of all files of a user; Infinity for any number. */
  readonly userBytes: number;
  /** Content URIs of a user without content. */
  readonly unfinished: number;
  /** Milliseconds until such a URI is given up. */
  readonly unfinishedMs: number;
}

export interface UploadNeeds {
  readonly database: Database;
  readonly contents: ContentStore;
  readonly spool: Spool;
  readonly clock: { now(): number };
  readonly serverName: ServerName;
  /** Text of letters and digits that nobody can guess. */
  readonly opaque: (length: number) => string;
  readonly limits: UploadLimits;
  /** Is told of the bytes of each file that the server fetched and keeps. */
  readonly onKeptOwn: (bytes: number) => void;
}

/** What a file counts for at least, in bytes: it takes a block of a disk, and a row. */
const LEAST_BYTES = 4_096;
const ID_LENGTH = 24;

/** Takes in files that users upload (Client-Server API, "Content repository"). */
export class Uploads {
  readonly #needs: UploadNeeds;
  readonly #reserving = new KeyedQueue();

  constructor(needs: UploadNeeds) {
    this.#needs = needs;
  }

  /** Bytes of the largest file that is taken. */
  get maxBytes(): number {
    return this.#needs.limits.maxBytes;
  }

  /**
   * Keeps a file under a new content URI.
   *
   * @throws MatrixError 413 M_TOO_LARGE; 403 M_FORBIDDEN where the user's allowance is used up.
   */
  async upload(userId: UserId, file: IncomingFile): Promise<ContentUri> {
    const { database, clock, limits } = this.#needs;
    const content = await this.#receive(userId, file);
    const unit = new UnitOfWork();
    const uri = this.#newUri();
    store.guardUsage(unit, userId, costOf(content.bytes), limits.userBytes);
    store.insert(unit, { ...uri, userId }, content, clock.now());
    await commitOrRefuse(database, unit, usedUp);
    return uri;
  }

  /**
   * Makes a content URI to which the user can upload later, until a time in milliseconds since the epoch.
   *
   * @throws MatrixError 429 M_LIMIT_EXCEEDED where the user has too many of them.
   */
  create(userId: UserId): Promise<{ uri: ContentUri; expiresAt: number }> {
    const { database, clock, limits } = this.#needs;
    return this.#reserving.run(userId, async () => {
      const now = clock.now();
      if ((await store.pendingOf(database, userId, now)) >= limits.unfinished) {
        const message = `You may hold ${limits.unfinished} content URIs without content: upload to those first`;
        throw new MatrixError(429, 'M_LIMIT_EXCEEDED', message);
      }
      const uri = this.#newUri();
      const expiresAt = now + limits.unfinishedMs;
      const unit = new UnitOfWork();
      store.reserve(unit, { ...uri, userId }, now, expiresAt);
      await database.commit(unit);
      return { uri, expiresAt };
    });
  }

  /**
   * Uploads a file to a content URI that was made with `create`, and tells those who wait for it.
   *
   * @throws MatrixError 404 M_NOT_FOUND for a URI that was not made so or has expired; 403 M_FORBIDDEN for that of somebody
   *   else; 409 M_CANNOT_OVERWRITE_MEDIA for one with content; and as `upload`.
   */
  async fill(userId: UserId, uri: ContentUri, file: IncomingFile): Promise<void> {
    const { database, clock, limits } = this.#needs;
    await this.#checkReserved(userId, uri);
    const content = await this.#receive(userId, file);
    const unit = new UnitOfWork();
    store.guardFill(unit, uri, content, clock.now());
    store.guardUsage(unit, userId, costOf(content.bytes), limits.userBytes);
    unit.announce({ topic: 'media', position: unit.position(), data: uri.mediaId });
    try {
      await database.commit(unit);
    } catch (error) {
      if (!(error instanceof GuardFailed)) throw error;
      await this.#checkReserved(userId, uri);
      throw usedUp();
    }
  }

  /** Keeps a file that the server itself fetched, until a time in milliseconds since the epoch. */
  async keepOwn(file: ReceivedFile, type: string, expiresAt: number): Promise<ContentUri> {
    const { database, contents } = this.#needs;
    const keptAt = await contents.keep(file);
    const unit = new UnitOfWork();
    const uri = this.#newUri();
    const content = { hash: file.hash, bytes: file.bytes, contentType: type, fileName: undefined };
    store.insert(unit, { ...uri, userId: undefined }, content, keptAt, expiresAt);
    await database.commit(unit);
    this.#needs.onKeptOwn(file.bytes);
    return uri;
  }

  #newUri(): ContentUri {
    return { origin: this.#needs.serverName, mediaId: this.#needs.opaque(ID_LENGTH) };
  }

  async #receive(userId: UserId, file: IncomingFile): Promise<store.MediaContent> {
    const { database, limits, contents } = this.#needs;
    const left = limits.userBytes - (await store.usageOf(database, userId));
    const most = Math.min(limits.maxBytes, left);
    const refused = () => (most < limits.maxBytes ? usedUp() : tooLarge(limits.maxBytes));
    if ((file.length ?? 0) > limits.maxBytes) throw tooLarge(limits.maxBytes);
    if (costOf(file.length ?? 0) > left) throw usedUp();
    const received = await orIf(this.#receiveWhole(file, most), TooManyBytes, refused);
    await contents.keep(received);
    const { hash, bytes } = received;
    return { hash, bytes, contentType: mediaTypeOf(file.type), fileName: file.fileName };
  }

  async #receiveWhole({ stream }: IncomingFile, most: number): Promise<ReceivedFile> {
    try {
      return await this.#needs.spool.receive(stream, most);
    } catch (error) {
      if (!stream.readableAborted) throw error;
      throw new MatrixError(400, 'M_UNKNOWN', 'The upload broke off before all of it had come');
    }
  }

  async #checkReserved(userId: UserId, { origin, mediaId }: ContentUri): Promise<void> {
    const row = await store.get(this.#needs.database, origin, mediaId);
    if (row?.hash === null && (row.expires_at ?? 0) <= this.#needs.clock.now()) {
      throw notFound('This content URI has expired');
    }
    if (!row || origin !== this.#needs.serverName) throw notFound('There is no such content URI here');
    if (row.user_id !== userId) throw forbidden('This content URI was made by somebody else');
    if (row.hash !== null) {
      throw new MatrixError(409, 'M_CANNOT_OVERWRITE_MEDIA', 'This content URI has its content already');
    }
  }
}

function costOf(bytes: number): number {
  return Math.max(bytes, LEAST_BYTES);
}

function usedUp(): MatrixError {
  return forbidden('Your files take all the space that you may have on this server');
}

function tooLarge(most: number): MatrixError {
  return new MatrixError(413, 'M_TOO_LARGE', `A file may have ${most} bytes`);
}

/** The result; of a failure of one kind, another error. */
async function orIf<Result>(
  result: Promise<Result>,
  kind: new (...parameters: never[]) => Error,
  instead: () => Error,
): Promise<Result> {
  try {
    return await result;
  } catch (error) {
    throw error instanceof kind ? instead() : error;
  }
}
