import type { JsonValue } from './json.ts';
import { badJson, MatrixError } from './matrix-error.ts';

/** Literals that strict JSON may refuse; a match inside a string only costs the slower parse. */
const SUSPECT_NUMBER = /(?:^|[:,[])\s*(?:-0|-?\d+[.eE]|-?\d{16})/;
const INTEGER = /^(?:0|-?[1-9]\d*)$/;

type Reviver = (key: string, value: JsonValue, context: { source?: string }) => JsonValue;
const parseWithSource = JSON.parse as (text: string, reviver: Reviver) => JsonValue;

/**
 * Parses JSON in which numbers are written as canonical JSON writes them: integers within ±(2^53-1), without fraction,
 * exponent or negative zero (Appendices, "Canonical JSON"; enforced from room version 6 on). `1.0` is refused, although
 * it is a whole number.
 *
 * @throws MatrixError 400 M_NOT_JSON for text that is not JSON, 400 M_BAD_JSON for a number that is not allowed.
 */
export function parseStrictJson(text: string): JsonValue {
  try {
    if (!SUSPECT_NUMBER.test(text)) return JSON.parse(text) as JsonValue;
    return parseWithSource(text, checkNumber);
  } catch (error) {
    if (error instanceof MatrixError) throw error;
    if (error instanceof RangeError) throw badJson('JSON is nested too deeply');
    throw new MatrixError(400, 'M_NOT_JSON', 'The text is not JSON');
  }
}

function checkNumber(_key: string, value: JsonValue, context: { source?: string }): JsonValue {
  if (typeof value !== 'number') return value;
  if (Number.isSafeInteger(value) && INTEGER.test(context.source ?? '')) return value;
  const literal = (context.source ?? String(value)).slice(0, 40);
  throw badJson(`The number ${literal} is not allowed: write integers between -(2^53)+1 and (2^53)-1`);
}
