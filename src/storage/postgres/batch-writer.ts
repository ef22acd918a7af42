import type pg from 'pg';
import { GuardFailed, type SqlParameter, type SqlValue } from '../database.ts';
import { Position, type UnitOfWork, type Write } from '../unit-of-work.ts';
import { query } from './connection.ts';

/** What became of a unit: nothing to say when it was written. */
export type UnitError = Error | undefined;

/** A unit failed after it changed something: the batch has to be written again, with savepoints. */
class Undo extends Error {}

/**
 * Writes units inside a transaction that is open on the connection.
 *
 * @param first number of the first position of the batch.
 * @returns an error for each unit that was left out; undefined when the transaction is of no use any more and everything
 *   has to be written again, carefully.
 */
export async function writeUnits(
  connection: pg.Client,
  units: readonly UnitOfWork[],
  first: number,
  carefully: boolean,
): Promise<UnitError[] | undefined> {
  const errors: UnitError[] = [];
  let before = first;
  for (const unit of units) {
    unit.firstPosition = before;
    before += unit.positions;
    try {
      errors.push(await (carefully ? writeCarefully(connection, unit) : writeFast(connection, unit)));
    } catch (error) {
      if (error instanceof Undo) return undefined;
      throw error;
    }
  }
  return errors;
}

async function writeFast(connection: pg.Client, unit: UnitOfWork): Promise<UnitError> {
  for (const [i, guard] of unit.guards.entries()) {
    const changed = await run(connection, guard).catch((error: unknown) => undone(error));
    if (changed > 0) continue;
    if (i === 0) return new GuardFailed();
    throw new Undo();
  }
  await Promise.all(unit.writes.map((write) => run(connection, write))).catch((error: unknown) =>
    undone(error),
  );
  return undefined;
}

async function writeCarefully(connection: pg.Client, unit: UnitOfWork): Promise<UnitError> {
  await connection.query('SAVEPOINT unit');
  try {
    for (const guard of unit.guards) if ((await run(connection, guard)) === 0) throw new GuardFailed();
    for (const write of unit.writes) await run(connection, write);
    await connection.query('RELEASE SAVEPOINT unit');
    return undefined;
  } catch (error) {
    if (isLost(error)) throw error;
    await connection.query('ROLLBACK TO SAVEPOINT unit');
    return error as Error;
  }
}

/** A statement's own error makes the transaction useless; a lost connection is for the caller. */
function undone(error: unknown): never {
  if (isLost(error)) throw error;
  throw new Undo();
}

/** PostgreSQL's errors have a code of five characters; those of class 57 and 08 are about the connection. */
export function isLost(error: unknown): boolean {
  if (error instanceof GuardFailed) return false;
  const code = (error as { code?: unknown }).code;
  return typeof code !== 'string' || code.length !== 5 || code.startsWith('57') || code.startsWith('08');
}

async function run(connection: pg.Client, write: Write): Promise<number> {
  return (await query(connection, write.statement, write.parameters.map(valueOf))).rowCount ?? 0;
}

function valueOf(parameter: SqlParameter): SqlValue {
  return parameter instanceof Position ? parameter.value : parameter;
}
