import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';

/**
 * How the numbers of an object or array were written, where JavaScript would write them otherwise: `1.0`, `1e3`, `-0`, and
 * integers beyond ±(2^53-1). Hashes and signatures of events in room versions 1 to 5 cover what was written. The numbers
 * themselves are plain numbers, and their spelling goes with the object: a copy by `{...object}` has it, too.
 */
const SPELLING = Symbol('how numbers were written');

type Spelling = ReadonlyMap<string, string>;
type Spelled = { [SPELLING]?: Spelling };

/** Notes how the number at a key was written. */
export function noteSpelling(holder: object, key: string, source: string): void {
  const spelled = holder as { [SPELLING]?: Map<string, string> };
  spelled[SPELLING] ??= new Map();
  spelled[SPELLING].set(key, source);
}

/** How the numbers of an object or array were written; undefined where all are written as JavaScript does. */
export function spellingIn(holder: object): Spelling | undefined {
  return (holder as Spelled)[SPELLING];
}

/** How the number at a key was written. The spelling of another number, which was there before, does not count. */
export function spelledAs(spelling: Spelling | undefined, key: string, value: number): string | undefined {
  const source = spelling?.get(key);
  return source !== undefined && Number(source) === value ? source : undefined;
}

/** Has an object that took over numbers of another one know how they were written. */
export function keepSpelling(from: object, to: object): void {
  const spelling = spellingIn(from);
  if (spelling) (to as Spelled)[SPELLING] = spelling;
}

/** A number in a value that is about to be written as JSON, which writes it as it was. */
export class SpelledNumber {
  readonly source: string;

  constructor(source: string) {
    this.source = source;
  }

  toJSON(): unknown {
    return (JSON as unknown as { rawJSON(text: string): unknown }).rawJSON(this.source);
  }
}

/** The same value for `JSON.stringify`: numbers come out as they were written. */
export function spelledOut(value: JsonValue): JsonValue {
  if (Array.isArray(value)) {
    const spelling = spellingIn(value);
    return value.map((item, i) => spelledItem(item, spelling, String(i)));
  }
  if (!isJsonObject(value)) return value;
  const spelling = spellingIn(value);
  const copy: JsonObject = {};
  for (const [key, item] of Object.entries(value)) {
    const written = item === undefined ? undefined : spelledItem(item, spelling, key);
    Object.defineProperty(copy, key, {
      value: written,
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }
  return copy;
}

function spelledItem(item: JsonValue, spelling: Spelling | undefined, key: string): JsonValue {
  if (typeof item !== 'number') return spelledOut(item);
  const source = spelledAs(spelling, key, item);
  return source === undefined ? item : (new SpelledNumber(source) as unknown as JsonValue);
}
