import fs, { type NoParamCallback } from 'node:fs';
import { syncBuiltinESMExports } from 'node:module';

type Sync = (file: number, done: NoParamCallback) => void;

/**
 * Puts another in place of the runtime's sync of the disk, in this process.
 *
 * @param sync is asked instead; it is given the real one.
 * @returns what puts the real one back.
 */
export function replaceDiskSync(sync: (real: Sync, file: number, done: NoParamCallback) => void): () => void {
  const real = fs.fdatasync;
  const replace = (by: Sync): void => {
    fs.fdatasync = by as typeof fs.fdatasync;
    syncBuiltinESMExports();
  };
  replace((file, done) => sync(real, file, done));
  return () => replace(real);
}

/** A disk that takes nothing until it is let go. */
export class HeldDisk {
  readonly #waiting: (() => void)[] = [];
  readonly #restore: () => void;
  #onWaiting: (() => void) | undefined;

  constructor() {
    this.#restore = replaceDiskSync((real, file, done) => {
      this.#waiting.push(() => real(file, done));
      this.#onWaiting?.();
    });
  }

  /** Resolves when somebody waits for the disk. */
  async somebodyWaits(): Promise<void> {
    while (this.#waiting.length === 0) await new Promise<void>((resolve) => (this.#onWaiting = resolve));
  }

  /** The disk takes all that waits, and whatever comes. */
  release(): void {
    this.#restore();
    for (const sync of this.#waiting.splice(0)) sync();
  }
}
