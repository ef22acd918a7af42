import type { Readable } from 'node:stream';

/** Name of a blob: lower-case letters, digits and `-`, `_`, `.`, in parts set apart by slashes. */
export type BlobName = string;

/** Bytes from `start` to `end`, both included. */
export interface ByteRange {
  readonly start: number;
  readonly end: number;
}

/** A file for a program that can only read files. `release` must be called when it is done. */
export interface LocalFile {
  readonly path: string;
  release(): Promise<void>;
}

/** Keeps large unchanging contents by name, apart from the database. */
export interface BlobStore {
  /**
   * Moves a file, whole and on disk, into the store: durable when it resolves. The file is gone afterwards, also when this
   * rejects. A blob of that name, if there is one, is replaced.
   */
  put(name: BlobName, path: string): Promise<void>;
  /** The content, or undefined if there is none of that name. Whoever gets the stream reads or destroys it. */
  open(name: BlobName, range?: ByteRange): Promise<Readable | undefined>;
  /** The content as a file, or undefined. */
  asFile(name: BlobName): Promise<LocalFile | undefined>;
  /** Removes the blob, if there is one. */
  remove(name: BlobName): Promise<void>;
  close(): Promise<void>;
}
