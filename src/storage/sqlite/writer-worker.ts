import { DatabaseSync, type StatementSync } from 'node:sqlite';
import { parentPort, workerData } from 'node:worker_threads';
import type { SqlValue } from '../database.ts';
import type {
  Batch,
  BatchOutcome,
  BatchParameter,
  BatchUnit,
  BatchWrite,
  OutsideWrite,
  UnitOutcome,
} from './batch.ts';
import { configureConnection } from './connection.ts';

/** The thread that owns the one writing connection: it commits batches, one durable transaction each. */

const { path } = workerData as { path: string };
const connection = new DatabaseSync(path);
configureConnection(connection);
const takePositions = connection.prepare(
  'UPDATE stream SET position = position + ? WHERE id = 1 RETURNING position',
);
const prepared = new Map<number, StatementSync>();
const dataVersion = connection.prepare('PRAGMA data_version');
const readPosition = connection.prepare('SELECT position FROM stream WHERE id = 1');
/** How often it is looked whether another process wrote, in milliseconds. */
const LOOK_MS = 500;
let seenVersion = versionNow();
const looking = setInterval(lookOutside, LOOK_MS);

parentPort?.on('message', (message: Batch | 'close') => {
  if (message === 'close') {
    clearInterval(looking);
    connection.close();
    parentPort?.close();
    return;
  }
  lookOutside();
  parentPort?.postMessage(commit(message));
});

/** SQLite counts what other connections commit: of this process only this one writes, so that it was another process. */
function lookOutside(): void {
  const version = versionNow();
  if (version === seenVersion) return;
  seenVersion = version;
  const { position } = readPosition.get() as { position: number };
  parentPort?.postMessage({ outside: position } satisfies OutsideWrite);
}

function versionNow(): number {
  return (dataVersion.get() as { data_version: number }).data_version;
}

function commit(batch: Batch): BatchOutcome | { readonly failed: string } {
  try {
    for (const [id, text] of batch.statements) prepared.set(id, connection.prepare(text));
    return (
      transaction(batch, applyFast) ??
      transaction(batch, applyCarefully) ?? { failed: 'The units of a batch could not be told apart' }
    );
  } catch (error) {
    if (connection.isTransaction) connection.exec('ROLLBACK');
    return { failed: String(error) };
  }
}

/** Undefined when `apply` gave up on a unit: nothing was kept. */
function transaction(
  batch: Batch,
  apply: (unit: BatchUnit, first: number) => UnitOutcome | undefined,
): BatchOutcome | undefined {
  connection.exec('BEGIN IMMEDIATE');
  const row = takePositions.get(batch.positions) as { position: number };
  const first = row.position - batch.positions + 1;
  const units: UnitOutcome[] = [];
  for (const unit of batch.units) {
    const outcome = apply(unit, first);
    if (outcome === undefined) {
      connection.exec('ROLLBACK');
      return undefined;
    }
    units.push(outcome);
  }
  connection.exec('COMMIT');
  return { first, units };
}

/** Without savepoints: gives up on a unit that fails after it changed something. */
function applyFast(unit: BatchUnit, first: number): UnitOutcome | undefined {
  try {
    for (const [i, guard] of unit.guards.entries()) {
      if (run(guard, first) === 0) return i === 0 ? 'guard-failed' : undefined;
    }
    for (const write of unit.writes) run(write, first);
    return 'committed';
  } catch {
    return undefined;
  }
}

function applyCarefully(unit: BatchUnit, first: number): UnitOutcome {
  connection.exec('SAVEPOINT unit');
  const outcome = applyAll(unit, first);
  if (outcome !== 'committed') connection.exec('ROLLBACK TO unit');
  connection.exec('RELEASE unit');
  return outcome;
}

function applyAll(unit: BatchUnit, first: number): UnitOutcome {
  try {
    for (const guard of unit.guards) if (run(guard, first) === 0) return 'guard-failed';
    for (const write of unit.writes) run(write, first);
    return 'committed';
  } catch (error) {
    return { error: String(error) };
  }
}

function run([id, parameters]: BatchWrite, first: number): number {
  const statement = prepared.get(id);
  if (!statement) throw new Error('The writer was not sent a statement');
  return Number(statement.run(...parameters.map((parameter) => value(parameter, first))).changes);
}

function value(parameter: BatchParameter, first: number): SqlValue {
  const isPlace = typeof parameter === 'object' && parameter !== null && !(parameter instanceof Uint8Array);
  if (!isPlace) return parameter;
  const position = first + parameter.at;
  return parameter.downFrom === undefined ? position : parameter.downFrom - position;
}
