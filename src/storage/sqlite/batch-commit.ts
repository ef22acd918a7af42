import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { SqlValue } from '../database.ts';
import { plannedOnce } from './dialect.ts';
import type { Batch, BatchOutcome, BatchParameter, BatchUnit, BatchWrite, UnitOutcome } from './batch.ts';

/** Commits batches on the one writing connection of a database, one durable transaction each. */
export class BatchCommit {
  readonly #connection: DatabaseSync;
  readonly #takePositions: StatementSync;
  readonly #prepared = new Map<number, StatementSync>();

  constructor(connection: DatabaseSync) {
    this.#connection = connection;
    this.#takePositions = connection.prepare(
      'UPDATE stream SET position = position + ? WHERE id = 1 RETURNING position',
    );
  }

  /** Commits a batch and tells what became of each of its units. */
  commit(batch: Batch): BatchOutcome | { readonly failed: string } {
    try {
      for (const [id, text] of batch.statements)
        this.#prepared.set(id, this.#connection.prepare(plannedOnce(text)));
      return (
        this.#transaction(batch, (unit, first) => this.#applyFast(unit, first)) ??
        this.#transaction(batch, (unit, first) => this.#applyCarefully(unit, first)) ?? {
          failed: 'The units of a batch could not be told apart',
        }
      );
    } catch (error) {
      if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
      return { failed: String(error) };
    }
  }

  /** Undefined when `apply` gave up on a unit: nothing was kept. */
  #transaction(
    batch: Batch,
    apply: (unit: BatchUnit, first: number) => UnitOutcome | undefined,
  ): BatchOutcome | undefined {
    this.#connection.exec('BEGIN IMMEDIATE');
    const row = this.#takePositions.get(batch.positions) as { position: number };
    const first = row.position - batch.positions + 1;
    const units: UnitOutcome[] = [];
    for (const unit of batch.units) {
      const outcome = apply(unit, first);
      if (outcome === undefined) {
        this.#connection.exec('ROLLBACK');
        return undefined;
      }
      units.push(outcome);
    }
    this.#connection.exec('COMMIT');
    return { first, units };
  }

  /** Without savepoints: gives up on a unit that fails after it changed something. */
  #applyFast(unit: BatchUnit, first: number): UnitOutcome | undefined {
    try {
      for (const [i, guard] of unit.guards.entries()) {
        if (this.#run(guard, first) === 0) return i === 0 ? 'guard-failed' : undefined;
      }
      for (const write of unit.writes) this.#run(write, first);
      return 'committed';
    } catch {
      return undefined;
    }
  }

  #applyCarefully(unit: BatchUnit, first: number): UnitOutcome {
    this.#connection.exec('SAVEPOINT unit');
    const outcome = this.#applyAll(unit, first);
    if (outcome !== 'committed') this.#connection.exec('ROLLBACK TO unit');
    this.#connection.exec('RELEASE unit');
    return outcome;
  }

  #applyAll(unit: BatchUnit, first: number): UnitOutcome {
    try {
      for (const guard of unit.guards) if (this.#run(guard, first) === 0) return 'guard-failed';
      for (const write of unit.writes) this.#run(write, first);
      return 'committed';
    } catch (error) {
      return { error: String(error) };
    }
  }

  #run([id, parameters]: BatchWrite, first: number): number {
    const statement = this.#prepared.get(id);
    if (!statement) throw new Error('The writer was not sent a statement');
    return Number(statement.run(...parameters.map((parameter) => value(parameter, first))).changes);
  }
}

function value(parameter: BatchParameter, first: number): SqlValue {
  if (!isPlace(parameter)) return parameter;
  const [at, downFrom] = parameter;
  return downFrom === undefined ? first + at : downFrom - (first + at);
}

function isPlace(parameter: BatchParameter): parameter is Exclude<BatchParameter, SqlValue> {
  return Array.isArray(parameter);
}
