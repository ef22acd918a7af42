import type pg from 'pg';
import type { Reader, Statement, SqlValue } from '../database.ts';
import { query } from './connection.ts';

const TAKE_POSITIONS = `UPDATE stream SET position = position + $1 WHERE id = 1
  RETURNING position, txid_current() AS transaction`;

/** What a transaction was given as it began. */
export interface Begun {
  /** Its first position. */
  readonly first: number;
  /** PostgreSQL's number of it. */
  readonly transaction: number;
}

/** Begins a transaction with so many positions. */
export async function begin(connection: pg.Client, count: number): Promise<Begun> {
  const [, begun] = await Promise.all([connection.query('BEGIN'), takePositions(connection, count)]);
  return begun;
}

/** Takes so many positions in a transaction that is open; nobody else can take any before it ends. */
export async function takePositions(connection: pg.Client, count: number): Promise<Begun> {
  const { rows: found } = await connection.query({ name: 'take', text: TAKE_POSITIONS, values: [count] });
  const [{ position, transaction }] = found as [{ position: number; transaction: number }];
  return { first: position - count + 1, transaction };
}

/** Reads in the transaction of a connection. */
export function readerOn(connection: pg.Client): Reader {
  return {
    async all<Row>(statement: Statement, ...parameters: SqlValue[]) {
      return (await query(connection, statement, parameters)).rows as Row[];
    },
    async get<Row>(statement: Statement, ...parameters: SqlValue[]) {
      return (await query(connection, statement, parameters)).rows[0] as Row | undefined;
    },
  };
}
