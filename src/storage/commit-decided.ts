import { GuardFailed, type Database, type Reader } from './database.ts';
import type { UnitOfWork } from './unit-of-work.ts';

/**
 * Commits what `decide` comes to, a second time while nobody else can commit where others were first.
 *
 * @param decide reads the database and makes the unit; called twice at most. It must commit nothing itself.
 * @throws whatever `decide` throws.
 */
export async function commitDecided(
  database: Database,
  decide: (reader: Reader) => Promise<UnitOfWork>,
): Promise<void> {
  try {
    await database.commit(await decide(database));
  } catch (error) {
    if (!(error instanceof GuardFailed)) throw error;
    await database.exclusive(decide);
  }
}
