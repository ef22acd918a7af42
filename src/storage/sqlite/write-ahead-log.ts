import { closeSync, fdatasync, fstatSync, openSync, readSync, write } from 'node:fs';
import { promisify } from 'node:util';

/** Pages in the log from which it is written back into the database. */
export const CHECKPOINT_PAGES = 4_000;
/** Before the first page: the header of the log. */
const HEADER_BYTES = 32;
/** A page of the log: its header, and what was written of the database's default page. */
const FRAME_BYTES = 24 + 4_096;
/** As large as the log gets before it is begun anew. */
const LOG_BYTES = HEADER_BYTES + CHECKPOINT_PAGES * FRAME_BYTES;
const ZEROS = 256 * 1_024;
/** What the log is begun anew with, in its header and in the header of each page of it. */
const SALT_BYTES = 8;
/** Where room was made, and nothing was written yet. */
const NO_SALT = Buffer.alloc(SALT_BYTES);
const SALT_IN_HEADER = 16;
const SALT_IN_FRAME = 8;

const writeAt = promisify(write);

/**
 * The file of SQLite's write-ahead log, whose format (https://www.sqlite.org/walformat.html) is fixed: what is done with it
 * without SQLite, away from the thread that answers.
 */
export class WriteAheadLog {
  readonly #file: number;
  readonly #begun = Buffer.alloc(SALT_BYTES);
  readonly #found = Buffer.alloc(SALT_BYTES);

  /** @param path of a database that is open and has a log. */
  constructor(path: string) {
    this.#file = openSync(`${path}-wal`, 'r+');
  }

  /** Resolves when all that was committed is on the disk. Rejects with the system's error. */
  sync(): Promise<void> {
    return new Promise((resolve, reject) => {
      fdatasync(this.#file, (error) => (error ? reject(error) : resolve()));
    });
  }

  /** What tells the log as it is from the one after it was begun anew; undefined where nothing was written to it. */
  beginning(): string | undefined {
    const read = readSync(this.#file, this.#begun, 0, SALT_BYTES, SALT_IN_HEADER);
    return read < SALT_BYTES || this.#begun.equals(NO_SALT) ? undefined : this.#begun.toString('latin1');
  }

  /** Whether so many pages were written to the log since it was begun anew. */
  holds(pages: number): boolean {
    if (this.beginning() === undefined) return false;
    const at = HEADER_BYTES + (pages - 1) * FRAME_BYTES + SALT_IN_FRAME;
    const read = readSync(this.#file, this.#found, 0, SALT_BYTES, at);
    return read === SALT_BYTES && this.#found.equals(this.#begun);
  }

  /**
   * Makes the log as large as it gets anyway, so that what is appended lies within the file: a sync of the disk then has
   * no new length and no new blocks to write down, which is a quarter to a half of its time. Behind the last page of the log
   * zeros mean what the end of the file means, for a page is one only with the checksum of those before it. Nobody may write
   * to the database meanwhile, for it is the same end of the file.
   */
  async makeRoom(): Promise<void> {
    const zeros = new Uint8Array(ZEROS);
    for (let end = fstatSync(this.#file).size; end < LOG_BYTES;) {
      end += (await writeAt(this.#file, zeros, 0, Math.min(ZEROS, LOG_BYTES - end), end)).bytesWritten;
    }
    await this.sync();
  }

  close(): void {
    closeSync(this.#file);
  }
}
