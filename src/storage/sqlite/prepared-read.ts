import type { DatabaseSync, StatementSync } from 'node:sqlite';
import type { SqlValue } from '../database.ts';
import { plannedOnce } from './dialect.ts';

type Columns = Record<string, SqlValue>;

/**
 * A prepared statement that reads. Rows are fetched as arrays and made objects of one shape here: those that `node:sqlite`
 * makes are dictionaries, which take up to four times as long to make and are slower to read.
 */
export class PreparedRead {
  readonly #statement: StatementSync;
  readonly #names: readonly string[];
  /** A row without values: copies of it are of one shape. */
  readonly #blank: Columns = {};

  constructor(connection: DatabaseSync, text: string) {
    this.#statement = connection.prepare(plannedOnce(text));
    this.#statement.setReturnArrays(true);
    this.#names = this.#statement.columns().map(({ name }) => name);
    for (const name of this.#names) this.#blank[name] = null;
  }

  all(parameters: readonly SqlValue[]): unknown[] {
    const rows = this.#statement.all(...parameters) as unknown as SqlValue[][];
    return rows.map((values) => this.#row(values));
  }

  /** The first row; undefined when there is none. */
  get(parameters: readonly SqlValue[]): unknown {
    const values = this.#statement.get(...parameters) as unknown as SqlValue[] | undefined;
    return values && this.#row(values);
  }

  #row(values: readonly SqlValue[]): Columns {
    const row = { ...this.#blank };
    const names = this.#names;
    for (let i = 0; i < names.length; i++) row[names[i] as string] = values[i] ?? null;
    return row;
  }
}
