import type { Reader } from '../database.ts';
import type { UnitOfWork } from '../unit-of-work.ts';
import type { UnitError } from './batch-writer.ts';

/** Who waits for a commit. */
export interface Committer {
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export interface Waiting extends Committer {
  readonly unit: UnitOfWork;
}

/** One whose unit is made while nobody else can commit. */
export interface WaitingAlone extends Committer {
  readonly build: (reader: Reader) => Promise<UnitOfWork>;
}

/** Tells who waited for the units of one transaction what became of them. */
export function answer(committers: readonly Committer[], errors: readonly UnitError[]): void {
  for (const [i, one] of committers.entries()) {
    const error = errors[i];
    if (error) one.reject(error);
    else one.resolve();
  }
}
