import type { SqlParameter, SqlValue, Statement } from '../database.ts';
import { Position, type UnitOfWork, type Write } from '../unit-of-work.ts';

/** A parameter as it travels to the writer: a value, or a place among the batch's positions, as `Position` has it. */
export type BatchParameter = SqlValue | readonly [at: number, downFrom?: number];

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

/**
 * Packs units into a batch; `sent` remembers which statements the writer knows. Arrays are filled by `push`: one that `map`
 * makes may have holes for all that the engine knows, and travels to another thread slot by slot, each with its name.
 */
export function packBatch(units: readonly UnitOfWork[], sent: Set<number>): Batch {
  const statements: [number, string][] = [];
  const packed: BatchUnit[] = [];
  let positions = 0;
  for (const unit of units) {
    for (const { statement } of unit.guards) note(statement, sent, statements);
    for (const { statement } of unit.writes) note(statement, sent, statements);
    packed.push({ guards: packWrites(unit.guards, positions), writes: packWrites(unit.writes, positions) });
    positions += unit.positions;
  }
  return { units: packed, positions, statements };
}

function note(statement: Statement, sent: Set<number>, statements: [number, string][]): void {
  if (sent.has(statement.id)) return;
  sent.add(statement.id);
  statements.push([statement.id, statement.text]);
}

/** @param before how many positions the units before take. */
function packWrites(writes: readonly Write[], before: number): BatchWrite[] {
  const packed: BatchWrite[] = [];
  for (const { statement, parameters } of writes) {
    const values: BatchParameter[] = [];
    for (const parameter of parameters) values.push(pack(parameter, before));
    packed.push([statement.id, values]);
  }
  return packed;
}

function pack(parameter: SqlParameter, before: number): BatchParameter {
  if (parameter instanceof Uint8Array) return alone(parameter);
  if (!(parameter instanceof Position)) return parameter;
  const at = before + parameter.offset;
  return parameter.downFrom === undefined ? [at] : [at, parameter.downFrom];
}

/** Bytes travel with all of the memory that they are a part of: with a few of a buffer's, the 64 kB that small buffers share. */
function alone(bytes: Uint8Array): Uint8Array {
  return bytes.byteLength === bytes.buffer.byteLength ? bytes : new Uint8Array(bytes);
}
