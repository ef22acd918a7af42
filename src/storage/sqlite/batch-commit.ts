import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { SqlParameter, SqlValue } from '../database.ts';
import { Position, type UnitOfWork, type Write } from '../unit-of-work.ts';
import type { BatchOutcome, UnitOutcome } from './committer.ts';
import { plannedOnce } from './dialect.ts';

/** Commits batches on the connection of a database, one transaction each. */
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

  /**
   * Commits units together and tells what became of each.
   *
   * @throws Error where nothing was kept.
   */
  commit(units: readonly UnitOfWork[]): BatchOutcome {
    try {
      const outcome =
        this.#transaction(units, (unit) => this.#applyFast(unit)) ??
        this.#transaction(units, (unit) => this.#applyCarefully(unit));
      if (!outcome) throw new Error('The units of a batch could not be told apart');
      return outcome;
    } catch (error) {
      this.giveUp();
      throw error;
    }
  }

  /**
   * Begins what `commitBegun` or `giveUp` ends. Nobody else writes until then, of any process.
   *
   * @throws Error where another process is writing.
   */
  begin(): void {
    this.#connection.exec('BEGIN IMMEDIATE');
  }

  /**
   * Commits a unit in the transaction that was begun.
   *
   * @throws Error where nothing was kept.
   */
  commitBegun(unit: UnitOfWork): BatchOutcome {
    const first = this.#number([unit]);
    const outcome = this.#applyCarefully(unit);
    this.#connection.exec('COMMIT');
    return { first, units: [outcome] };
  }

  /** Ends a transaction, if one was begun, as if nothing had been done in it. */
  giveUp(): void {
    if (this.#connection.isTransaction) this.#connection.exec('ROLLBACK');
  }

  /** Undefined when `apply` gave up on a unit: nothing was kept. */
  #transaction(
    units: readonly UnitOfWork[],
    apply: (unit: UnitOfWork) => UnitOutcome | undefined,
  ): BatchOutcome | undefined {
    this.begin();
    const first = this.#number(units);
    const outcomes: UnitOutcome[] = [];
    for (const unit of units) {
      const outcome = apply(unit);
      if (outcome === undefined) {
        this.#connection.exec('ROLLBACK');
        return undefined;
      }
      outcomes.push(outcome);
    }
    this.#connection.exec('COMMIT');
    return { first, units: outcomes };
  }

  /** Takes the positions of all units, also of those that will not be kept. */
  #number(units: readonly UnitOfWork[]): number {
    const taken = units.reduce((sum, unit) => sum + unit.positions, 0);
    const row = this.#takePositions.get(taken) as { position: number };
    const first = row.position - taken + 1;
    let next = first;
    for (const unit of units) {
      unit.firstPosition = next;
      next += unit.positions;
    }
    return first;
  }

  /** Without savepoints: gives up on a unit that fails after it changed something. */
  #applyFast(unit: UnitOfWork): UnitOutcome | undefined {
    try {
      for (const [i, guard] of unit.guards.entries()) {
        if (this.#run(guard) === 0) return i === 0 ? 'guard-failed' : undefined;
      }
      for (const write of unit.writes) this.#run(write);
      return 'committed';
    } catch (error) {
      this.#assertGoingOn(error);
      return undefined;
    }
  }

  #applyCarefully(unit: UnitOfWork): UnitOutcome {
    this.#connection.exec('SAVEPOINT unit');
    const outcome = this.#applyAll(unit);
    if (outcome !== 'committed') this.#connection.exec('ROLLBACK TO unit');
    this.#connection.exec('RELEASE unit');
    return outcome;
  }

  #applyAll(unit: UnitOfWork): UnitOutcome {
    try {
      for (const guard of unit.guards) if (this.#run(guard) === 0) return 'guard-failed';
      for (const write of unit.writes) this.#run(write);
      return 'committed';
    } catch (error) {
      this.#assertGoingOn(error);
      return { error: String(error) };
    }
  }

  /** A disk that is full ends the whole transaction: no unit is to blame. */
  #assertGoingOn(error: unknown): void {
    if (!this.#connection.isTransaction) throw error;
  }

  /** @returns how many rows were changed. */
  #run({ statement, parameters }: Write): number {
    let prepared = this.#prepared.get(statement.id);
    if (!prepared) {
      prepared = this.#connection.prepare(plannedOnce(statement.text));
      this.#prepared.set(statement.id, prepared);
    }
    return Number(prepared.run(...parameters.map(value)).changes);
  }
}

function value(parameter: SqlParameter): SqlValue {
  return parameter instanceof Position ? parameter.value : parameter;
}
