import type { NewChange, SqlParameter, Statement, Writer } from './database.ts';

/**
 * Where timelines begin: every event of one has a greater position, and what is kept beside the timelines a lesser one
 * (docs/decisions/0005-positions-below-zero.md).
 */
export const BEFORE_HISTORY = -(2 ** 49);

/** A position in the log that is given when its unit of work is committed. */
export class Position {
  readonly #unit: UnitOfWork;
  /** Place among the unit's positions, from 0. */
  readonly offset: number;
  /** What the number is counted down from; undefined for one that counts up, as places in the log do. */
  readonly downFrom: number | undefined;

  constructor(unit: UnitOfWork, offset: number, downFrom?: number) {
    this.#unit = unit;
    this.offset = offset;
    this.downFrom = downFrom;
  }

  /** The number. Throws before the unit is committed. */
  get value(): number {
    const first = this.#unit.firstPosition;
    if (first === undefined) throw new Error('A position has no number before its unit of work is committed');
    const number = first + this.offset;
    return this.downFrom === undefined ? number : this.downFrom - number;
  }

  /** The position, before all that is there, of history that is fetched at this place of the log. */
  get inHistory(): Position {
    return new Position(this.#unit, this.offset, 0);
  }

  /** The position, in no timeline, of an event that is kept at this place of the log. */
  get aside(): Position {
    return new Position(this.#unit, this.offset, BEFORE_HISTORY);
  }
}

/** One statement of a unit with its parameters. */
export interface Write {
  readonly statement: Statement;
  readonly parameters: readonly SqlParameter[];
}

/**
 * What one request changes, collected first and committed as a whole. Nothing is written before
 * `database.commit(unit)`; either all of it is kept or nothing.
 */
export class UnitOfWork implements Writer {
  readonly guards: Write[] = [];
  readonly writes: Write[] = [];
  readonly changes: NewChange[] = [];
  positions = 0;
  /** Number of the unit's first position; set by the engine at commit. */
  firstPosition: number | undefined = undefined;

  position(): Position {
    const position = new Position(this, this.positions);
    this.positions += 1;
    return position;
  }

  run(statement: Statement, ...parameters: SqlParameter[]): void {
    this.writes.push({ statement, parameters });
  }

  guard(statement: Statement, ...parameters: SqlParameter[]): void {
    this.guards.push({ statement, parameters });
  }

  announce(change: NewChange): void {
    this.changes.push(change);
  }
}
