import type { DatabaseSync } from 'node:sqlite';
import type { UnitOfWork } from '../unit-of-work.ts';

/** What became of a unit. */
export type UnitOutcome = 'committed' | 'guard-failed' | { readonly error: string };

/** What became of units that were committed together. */
export interface BatchOutcome {
  /** Number of the first position that they take. */
  readonly first: number;
  readonly units: readonly UnitOutcome[];
}

/** The disk did not take what was committed: it can be read, and nobody knows whether a crash leaves it. */
export class NotOnDisk extends Error {
  constructor(cause: unknown) {
    super(`The disk does not take the log of the database: ${String(cause)}`, { cause });
    this.name = 'NotOnDisk';
  }
}

/** Commits units of work on the connection of a database, one batch after the other. */
export interface Committer {
  /**
   * Commits units together, once the batch before has ended; resolves when they are on the disk. Until then they can be
   * read already.
   *
   * @throws Error where none of them was kept; NotOnDisk where no other may be committed after them.
   */
  commit(units: readonly UnitOfWork[]): Promise<BatchOutcome>;
  /**
   * Builds a unit and commits it, while nobody else writes, of any process.
   *
   * @throws what `build` throws, and as `commit`.
   */
  commitAlone(build: () => Promise<UnitOfWork>): Promise<{ unit: UnitOfWork; outcome: BatchOutcome }>;
  /** Pending while the disk takes what was committed last; undefined while it has everything. Rejects when it refuses. */
  unsynced(): Promise<void> | undefined;
  /** Ends what it does in the background. */
  close(): Promise<void>;
}

/** Opens what commits on the connection of the database at a path. A simulation puts another in place of the disk. */
export type OpenCommitter = (connection: DatabaseSync, path: string) => Committer;
