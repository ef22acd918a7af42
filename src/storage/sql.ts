import type { Statement } from './database.ts';

let count = 0;

/**
 * Declares a statement. Call it at module level, once a statement: engines keep what they prepared for ever.
 * Placeholders are `?`; the PostgreSQL engine numbers them.
 */
export function sql(text: string): Statement {
  count += 1;
  return { id: count, text: text.replace(/\s+/g, ' ').trim() };
}
