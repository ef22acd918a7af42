import { access, mkdir, open, rename, rm, unlink } from 'node:fs/promises';
import { basename, dirname, join, resolve } from 'node:path';
import type { Readable } from 'node:stream';
import type { BlobName, BlobStore, ByteRange, LocalFile } from './blob-store.ts';

/** Blobs as files in a folder. The names' last parts begin with a hash: their first letters make folders of few files. */
export class FileBlobStore implements BlobStore {
  readonly #folder: string;

  /** @param folder made when the first blob comes; on the same file system as the files that are put. */
  constructor(folder: string) {
    this.#folder = resolve(folder);
  }

  async put(name: BlobName, path: string): Promise<void> {
    const target = this.#pathOf(name);
    try {
      const made = await mkdir(dirname(target), { recursive: true });
      await rename(path, target);
      await syncFolders(dirname(target), made === undefined ? dirname(target) : dirname(made));
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  async open(name: BlobName, range?: ByteRange): Promise<Readable | undefined> {
    const file = await unlessMissing(open(this.#pathOf(name)));
    return file?.createReadStream({ highWaterMark: 64 * 1024, ...range });
  }

  async asFile(name: BlobName): Promise<LocalFile | undefined> {
    const path = this.#pathOf(name);
    const there = await unlessMissing(access(path).then(() => true));
    return there === undefined ? undefined : { path, release: () => Promise.resolve() };
  }

  async remove(name: BlobName): Promise<void> {
    await unlessMissing(unlink(this.#pathOf(name)));
  }

  close(): Promise<void> {
    return Promise.resolve();
  }

  #pathOf(name: BlobName): string {
    const last = basename(name);
    return join(this.#folder, dirname(name), last.slice(0, 2), last.slice(2, 4), last);
  }
}

/** Makes the names in a folder, and in those above it up to `top`, outlast a loss of power. */
async function syncFolders(folder: string, top: string): Promise<void> {
  for (let at = folder; ; at = dirname(at)) {
    const handle = await open(at);
    try {
      await handle.sync();
    } finally {
      await handle.close();
    }
    if (at === top || at === dirname(at)) return;
  }
}

async function unlessMissing<Result>(result: Promise<Result>): Promise<Result | undefined> {
  try {
    return await result;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
