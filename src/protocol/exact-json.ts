import type { JsonValue } from './json.ts';
import { badJson, MatrixError } from './matrix-error.ts';
import { noteSpelling } from './number-spelling.ts';

/** Numbers that canonical JSON writes otherwise; a match inside a string only costs the slower parse. */
const SUSPECT_NUMBER = /(?:^|[:,[])\s*(?:-0|-?\d+[.eE]|-?\d{16})/;
const INTEGER = /^(?:0|-?[1-9]\d*)$/;

type Reviver = (this: object, key: string, value: JsonValue, context: { source?: string }) => JsonValue;
const parseWithSource = JSON.parse as (text: string, reviver: Reviver) => JsonValue;

/** Whether a text may hold numbers that JavaScript would write otherwise. */
export function mayHoldOddNumbers(text: string): boolean {
  return SUSPECT_NUMBER.test(text);
}

/**
 * Parses JSON that may hold events, and keeps with each object how its numbers were written where it matters
 * (`number-spelling.ts`). Texts with ordinary numbers cost a search more than `JSON.parse`.
 *
 * @throws MatrixError 400 M_NOT_JSON for text that is not JSON, 400 M_BAD_JSON for nesting too deep.
 */
export function parseExactJson(text: string): JsonValue {
  try {
    if (!SUSPECT_NUMBER.test(text)) return JSON.parse(text) as JsonValue;
    return parseWithSource(text, noteNumber);
  } catch (error) {
    if (error instanceof RangeError) throw badJson('JSON is nested too deeply');
    throw new MatrixError(400, 'M_NOT_JSON', 'The text is not JSON');
  }
}

function noteNumber(this: object, key: string, value: JsonValue, context: { source?: string }): JsonValue {
  if (typeof value !== 'number' || context.source === undefined) return value;
  if (!Number.isSafeInteger(value) || !INTEGER.test(context.source)) noteSpelling(this, key, context.source);
  return value;
}
