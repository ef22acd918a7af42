import pg from 'pg';
import type { SqlValue, Statement } from '../database.ts';
import { translateStatement } from './dialect.ts';

const INT8 = 20;

/** How values are read: 64-bit integers are numbers here, for they stay below 2^53. */
export const types: pg.CustomTypesConfig = {
  getTypeParser: ((oid: number, format: 'text' | 'binary') =>
    oid === INT8 ? Number : pg.types.getTypeParser(oid, format)) as typeof pg.types.getTypeParser,
};

/** Anything that runs queries: a pool or one connection. */
export interface Queryable {
  query(config: { name: string; text: string; values: unknown[] }): Promise<pg.QueryResult>;
}

/** Runs a statement, prepared under its name. */
export async function query(
  on: Queryable,
  statement: Statement,
  parameters: readonly SqlValue[],
): Promise<pg.QueryResult> {
  const { name, text } = translateStatement(statement);
  return on.query({ name, text, values: parameters.map(encode) });
}

/** Rows of a query; NULL and bytes come as `Reader` promises them. */
export async function rows<Row>(
  on: Queryable,
  statement: Statement,
  parameters: readonly SqlValue[],
): Promise<Row[]> {
  return (await query(on, statement, parameters)).rows as Row[];
}

/** PostgreSQL keeps no NUL in text. It means nothing anywhere here: keys with it are refused, JSON text escapes it. */
function encode(value: SqlValue): unknown {
  if (typeof value === 'string') return value.includes('\0') ? value.replaceAll('\0', '\uFFFD') : value;
  return value instanceof Uint8Array && !Buffer.isBuffer(value) ? Buffer.from(value) : value;
}
