import type pg from 'pg';
import { GuardFailed, type SqlParameter, type SqlValue } from '../database.ts';
import { Position, type UnitOfWork, type Write } from '../unit-of-work.ts';
import { query } from './connection.ts';

/** What became of a unit: nothing to say when it was written. */
export type UnitError = Error | undefined;

/** A unit failed after it changed something: the batch has to be written again, with savepoints. */
class Undo extends Error {}

/**
 * How a batch is written. `together`: all statements are sent at once, in the hope that no guard misses. `stepwise`: what
 * a unit writes is sent when its guards have held. `carefully`: as that, with a savepoint for each unit.
 */
export type WriteMode = 'together' | 'stepwise' | 'carefully';

/**
 * Writes units inside a transaction that is open on the connection, which has to be one that pipelines: statements are
 * sent without waiting for the answers to those before them.
 *
 * @param first number of the first position of the batch.
 * @returns an error for each unit that was left out; undefined when the transaction is of no use any more and everything
 *   has to be written again, carefully.
 */
export async function writeUnits(
  connection: pg.Client,
  units: readonly UnitOfWork[],
  first: number,
  mode: WriteMode,
): Promise<UnitError[] | undefined> {
  let before = first;
  for (const unit of units) {
    unit.firstPosition = before;
    before += unit.positions;
  }
  try {
    if (mode === 'together') return await writeTogether(connection, units);
    const errors: UnitError[] = [];
    for (const unit of units) {
      errors.push(await (mode === 'carefully' ? writeCarefully : writeStepwise)(connection, unit));
    }
    return errors;
  } catch (error) {
    if (error instanceof Undo) return undefined;
    throw error;
  }
}

async function writeTogether(connection: pg.Client, units: readonly UnitOfWork[]): Promise<UnitError[]> {
  const guards: Promise<number>[] = [];
  const writes: Promise<number>[] = [];
  for (const unit of units) {
    for (const guard of unit.guards) guards.push(run(connection, guard));
    for (const write of unit.writes) writes.push(run(connection, write));
  }
  const [held] = await Promise.all([Promise.all(guards), Promise.all(writes)]).catch(undone);
  if (held.includes(0)) throw new Undo();
  return units.map(() => undefined);
}

async function writeStepwise(connection: pg.Client, unit: UnitOfWork): Promise<UnitError> {
  for (const [i, guard] of unit.guards.entries()) {
    if ((await run(connection, guard).catch(undone)) > 0) continue;
    if (i === 0) return new GuardFailed();
    throw new Undo();
  }
  await Promise.all(unit.writes.map((write) => run(connection, write))).catch(undone);
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
