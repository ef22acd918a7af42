import { createHash } from 'node:crypto';
import { mkdir, open, readdir, rm, stat, type FileHandle } from 'node:fs/promises';
import { IncomingMessage } from 'node:http';
import { join } from 'node:path';
import type { Readable } from 'node:stream';
import { releaseMemory } from '../../platform/released-memory.ts';

/** A file that came in whole: on disk, durable, and not in a store yet. */
export interface ReceivedFile {
  readonly path: string;
  /** SHA-256, in lower-case hexadecimal. */
  readonly hash: string;
  readonly bytes: number;
  /** Removes the file, unless it was moved away. */
  discard(): Promise<void>;
}

/** More bytes came than may. */
export class TooManyBytes extends Error {
  constructor(most: number) {
    super(`More than ${most} bytes came`);
    this.name = 'TooManyBytes';
  }
}

const FILES_AT_ONCE = 1_000;

/** A folder for files that are coming in, or being made, before they go to a store under their final name. */
export class Spool {
  readonly #folder: string;
  readonly #opaque: () => string;

  /** @param opaque text that nobody can guess, to name files. */
  constructor(folder: string, opaque: () => string) {
    this.#folder = folder;
    this.#opaque = opaque;
  }

  /** Lets a program make a file, and brings it to disk. Where the program fails, nothing stays behind. */
  async make<Result>(write: (path: string) => Promise<Result>): Promise<{ path: string; result: Result }> {
    const path = await this.#newPath();
    try {
      const result = await write(path);
      const file = await open(path);
      await file.sync().finally(() => file.close());
      return { path, result };
    } catch (error) {
      await rm(path, { force: true });
      throw error;
    }
  }

  /**
   * Writes a stream to a file as it comes. Where this rejects nothing stays behind, and the stream is left as it is, not
   * destroyed: it may belong to a connection on which the answer is still to be sent.
   *
   * @throws TooManyBytes once more than `most` bytes came; or what the stream fails with.
   */
  async receive(source: Readable, most: number): Promise<ReceivedFile> {
    const path = await this.#newPath();
    const discard = () => rm(path, { force: true });
    const file = await open(path, 'wx', 0o600);
    try {
      const written = await writeAll(source, file, most);
      await file.sync();
      return { path, discard, ...written };
    } catch (error) {
      await discard();
      throw error;
    } finally {
      await file.close();
    }
  }

  /**
   * Removes files that were last written to before a moment, in milliseconds since the epoch; some of them, if there
   * are many.
   */
  async sweep(before: number): Promise<void> {
    await mkdir(this.#folder, { recursive: true });
    for (const name of (await readdir(this.#folder)).slice(0, FILES_AT_ONCE)) {
      const path = join(this.#folder, name);
      const found = await stat(path).catch(() => undefined);
      if (found !== undefined && found.mtimeMs < before) await rm(path, { force: true });
    }
  }

  async #newPath(): Promise<string> {
    await mkdir(this.#folder, { recursive: true });
    return join(this.#folder, this.#opaque());
  }
}

async function writeAll(
  source: Readable,
  file: FileHandle,
  most: number,
): Promise<{ hash: string; bytes: number }> {
  const hash = createHash('sha256');
  let bytes = 0;
  for await (const chunk of source.iterator({ destroyOnReturn: false })) {
    const piece = chunk as Buffer;
    bytes += piece.length;
    if (bytes > most) throw new TooManyBytes(most);
    hash.update(piece);
    await file.writeFile(piece);
    if (source instanceof IncomingMessage) releaseMemory(piece);
  }
  return { hash: hash.digest('hex'), bytes };
}
