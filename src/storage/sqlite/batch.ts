import type { SqlParameter, SqlValue, Statement } from '../database.ts';
import { Position, type UnitOfWork, type Write } from '../unit-of-work.ts';

/** A parameter as it travels to the writer: a value, or a place among the batch's positions, as `Position` has it. */
export type BatchParameter = SqlValue | { readonly at: number; readonly downFrom: number | undefined };

/** Another process wrote to the database, up to this position. */
export interface OutsideWrite {
  readonly outside: number;
}

/** A statement of a batch: its number, and its parameters. */
export type BatchWrite = readonly [statement: number, parameters: readonly BatchParameter[]];

/** One unit of a batch. */
export interface BatchUnit {
  readonly guards: readonly BatchWrite[];
  readonly writes: readonly BatchWrite[];
}

/** Units that are committed together. */
export interface Batch {
  readonly units: readonly BatchUnit[];
  /** Positions that all units take together. */
  readonly positions: number;
  /** Texts of statements that the writer was not sent yet. */
  readonly statements: readonly (readonly [id: number, text: string])[];
}

/** What became of a unit. */
export type UnitOutcome = 'committed' | 'guard-failed' | { readonly error: string };

/** What became of a batch. */
export interface BatchOutcome {
  /** Number of the batch's first position. */
  readonly first: number;
  readonly units: readonly UnitOutcome[];
}

/** Packs units into a batch; `sent` remembers which statements the writer knows. */
export function packBatch(units: readonly UnitOfWork[], sent: Set<number>): Batch {
  const statements: [number, string][] = [];
  let positions = 0;
  const write = ({ statement, parameters }: Write): BatchWrite => {
    note(statement, sent, statements);
    return [statement.id, parameters.map((parameter) => pack(parameter, positions))];
  };
  const packed = units.map((unit) => {
    const one = { guards: unit.guards.map(write), writes: unit.writes.map(write) };
    positions += unit.positions;
    return one;
  });
  return { units: packed, positions, statements };
}

function note(statement: Statement, sent: Set<number>, statements: [number, string][]): void {
  if (sent.has(statement.id)) return;
  sent.add(statement.id);
  statements.push([statement.id, statement.text]);
}

function pack(parameter: SqlParameter, before: number): BatchParameter {
  if (!(parameter instanceof Position)) return parameter;
  return { at: before + parameter.offset, downFrom: parameter.downFrom };
}
