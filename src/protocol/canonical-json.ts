import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';
import { badJson, type MatrixError } from './matrix-error.ts';
import { spelledAs, SpelledNumber, spellingIn } from './number-spelling.ts';

/** Deepest nesting of arrays and objects that Myelin encodes, so that no input can exhaust the stack. */
export const MAX_JSON_DEPTH = 512;
/** Deepest nesting of what servers send each other: events and messages that are themselves as deep as may be lie in it. */
export const MAX_SENT_DEPTH = MAX_JSON_DEPTH + 16;

export interface CanonicalJsonOptions {
  /**
   * Refuse all numbers but integers within ±(2^53-1), written without fraction, exponent or negative zero, as room versions
   * 6 and later ask. `1.0` is refused, although it is a whole number.
   */
  readonly strict: boolean;
  /** Levels of arrays and objects that are encoded; `MAX_JSON_DEPTH`, if not given. */
  readonly maxDepth?: number;
}

/** One member of an object, encoded. */
export interface CanonicalMember {
  readonly key: string;
  /** The member's text: `"key":value`. */
  readonly text: string;
}

const SURROGATE = /[\ud800-\udfff]/;
const PLAIN = /^[ !#-[\]-~]*$/;

/**
 * The canonical encoding of a value (Appendices, "Canonical JSON"): no white space, keys by code point, shortest
 * escapes, no `-0`. Keys that are undefined are left out.
 *
 * When not strict (room versions 1 to 5, and JSON that is not an event) numbers keep the form in which they were written,
 * if it is known (`number-spelling.ts`). Otherwise floats have JavaScript's shortest form, and integers outside ±(2^53-1)
 * are as exact as a double can hold them.
 *
 * @throws MatrixError 400 M_BAD_JSON for a number that is not allowed, a lone surrogate, or nesting over
 *   `maxDepth`.
 */
export function canonicalJson(value: JsonValue, options: CanonicalJsonOptions): string {
  return encode(value, options.strict, MAX_JSON_DEPTH - (options.maxDepth ?? MAX_JSON_DEPTH));
}

/** The members of an object in canonical order, each encoded; for putting several encodings together from one. */
export function canonicalMembers(object: JsonObject, options: CanonicalJsonOptions): CanonicalMember[] {
  const members: CanonicalMember[] = [];
  const spelling = spellingIn(object);
  for (const key of sortedKeys(object)) {
    const value = object[key];
    if (value === undefined) continue;
    const encoded = encodeMember(value, options.strict, 1, spelling, key);
    members.push({ key, text: `${quote(key)}:${encoded}` });
  }
  return members;
}

/** The object made of these members, which must be in canonical order. */
export function joinMembers(members: readonly CanonicalMember[]): string {
  let text = '{';
  let separator = '';
  for (const member of members) {
    text += separator + member.text;
    separator = ',';
  }
  return `${text}}`;
}

function encode(value: JsonValue, strict: boolean, depth: number): string {
  switch (typeof value) {
    case 'string':
      return quote(value);
    case 'number':
      return encodeNumber(value, strict);
    case 'boolean':
      return value ? 'true' : 'false';
  }
  if (value === null) return 'null';
  if (value instanceof SpelledNumber) return encodeSpelled(value.source, strict);
  if (depth >= MAX_JSON_DEPTH) throw tooDeep();
  return Array.isArray(value)
    ? encodeArray(value, strict, depth + 1)
    : encodeObject(value, strict, depth + 1);
}

function encodeArray(array: readonly JsonValue[], strict: boolean, depth: number): string {
  let text = '[';
  let separator = '';
  const spelling = spellingIn(array);
  for (const [i, item] of array.entries()) {
    text +=
      separator +
      (spelling ? encodeMember(item, strict, depth, spelling, String(i)) : encode(item, strict, depth));
    separator = ',';
  }
  return `${text}]`;
}

function encodeObject(object: JsonObject, strict: boolean, depth: number): string {
  let text = '{';
  let separator = '';
  const spelling = spellingIn(object);
  for (const key of sortedKeys(object)) {
    const value = object[key];
    if (value === undefined) continue;
    text += `${separator}${quote(key)}:${encodeMember(value, strict, depth, spelling, key)}`;
    separator = ',';
  }
  return `${text}}`;
}

/** A value in an object or array of which it may be known how its numbers were written. */
function encodeMember(
  value: JsonValue,
  strict: boolean,
  depth: number,
  spelling: ReadonlyMap<string, string> | undefined,
  key: string,
): string {
  if (spelling === undefined || typeof value !== 'number') return encode(value, strict, depth);
  const source = spelledAs(spelling, key, value);
  return source === undefined ? encodeNumber(value, strict) : encodeSpelled(source, strict);
}

function encodeSpelled(source: string, strict: boolean): string {
  if (strict) throw numberNotAllowed(source);
  return source === '-0' ? '0' : source;
}

function encodeNumber(value: number, strict: boolean): string {
  if (Number.isSafeInteger(value)) return value === 0 ? '0' : String(value);
  if (strict) throw numberNotAllowed(String(value));
  if (!Number.isFinite(value))
    throw badJson('A number is too large for JSON: use one that a double can hold');
  return Number.isInteger(value) ? BigInt(value).toString() : String(value);
}

function numberNotAllowed(source: string): MatrixError {
  const shown = source.slice(0, 40);
  return badJson(
    `The number ${shown} is not allowed: write integers between -(2^53)+1 and (2^53)-1, without "." and "e"`,
  );
}

function quote(text: string): string {
  if (PLAIN.test(text)) return `"${text}"`;
  if (!text.isWellFormed()) throw loneSurrogate();
  return JSON.stringify(text);
}

function sortedKeys(object: JsonObject): string[] {
  const keys = Object.keys(object);
  let sorted = true;
  let last = '';
  for (const key of keys) {
    if (SURROGATE.test(key)) return keys.sort(byCodePoint);
    if (key < last) sorted = false;
    last = key;
  }
  return sorted ? keys : keys.sort();
}

/** Orders strings by code point, where JavaScript's own order is by UTF-16 code unit. */
function byCodePoint(a: string, b: string): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) {
    const unitA = a.charCodeAt(i);
    const unitB = b.charCodeAt(i);
    if (unitA !== unitB) return rank(unitA) - rank(unitB);
  }
  return a.length - b.length;
}

/** Surrogates stand for code points above U+FFFF, so they come after every other code unit. */
function rank(unit: number): number {
  return unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit;
}

/**
 * Refuses what cannot be written as UTF-8 JSON: lone surrogates in a string or key, and nesting over `maxDepth`.
 *
 * @throws MatrixError 400 M_BAD_JSON.
 */
export function assertWellFormed(value: JsonValue, maxDepth: number = MAX_JSON_DEPTH): void {
  if (typeof value === 'string') {
    if (!value.isWellFormed()) throw loneSurrogate();
    return;
  }
  if (typeof value !== 'object' || value === null) return;
  if (maxDepth <= 0) throw tooDeep();
  if (!isJsonObject(value)) {
    for (const item of value) assertWellFormed(item, maxDepth - 1);
    return;
  }
  for (const key of Object.keys(value)) {
    if (!key.isWellFormed()) throw loneSurrogate();
    const member = value[key];
    if (member !== undefined) assertWellFormed(member, maxDepth - 1);
  }
}

/**
 * Refuses keys with the character NUL, which not every database can look up.
 *
 * @throws MatrixError 400 M_BAD_JSON.
 */
export function assertNoNulKey(value: JsonValue): void {
  if (typeof value !== 'object' || value === null) return;
  if (!isJsonObject(value)) return value.forEach(assertNoNulKey);
  for (const [key, member] of Object.entries(value)) {
    if (key.includes('\0')) throw badJson('Keys must not hold the character NUL');
    if (member !== undefined) assertNoNulKey(member);
  }
}

function tooDeep() {
  return badJson('JSON is nested too deeply: fewer levels of arrays and objects are allowed');
}

function loneSurrogate() {
  return badJson('A string holds half of a surrogate pair: strings must be valid Unicode');
}
