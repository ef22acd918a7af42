import { GuardFailed, type Database } from './database.ts';
import type { UnitOfWork } from './unit-of-work.ts';

type Committing = Pick<Database, 'commit'>;

/** Commits a unit of work. False where a guard of it failed: somebody else was first, and nothing of it was written. */
export async function commitIfFirst(database: Committing, unit: UnitOfWork): Promise<boolean> {
  try {
    await database.commit(unit);
    return true;
  } catch (error) {
    if (error instanceof GuardFailed) return false;
    throw error;
  }
}

/**
 * Commits a unit of work whose guard is what a request stands on, such as a token that is good for once.
 *
 * @param refusal makes the error for who asked, where the guard failed.
 * @throws what `refusal` makes.
 */
export async function commitOrRefuse(
  database: Committing,
  unit: UnitOfWork,
  refusal: () => Error,
): Promise<void> {
  if (!(await commitIfFirst(database, unit))) throw refusal();
}
