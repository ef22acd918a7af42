import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { badJson } from '../matrix-error.ts';

/** The most entries in one list of a filter. */
const MAX_FILTER_LIST = 5_000;

/** The object at `name`, or an empty one if it is absent. `where` says in an error what holds it. */
export function optionalObject(holder: JsonObject, name: string, where: string): JsonObject {
  const value = holder[name];
  if (value === undefined) return {};
  if (!isJsonObject(value)) throw badJson(`"${where}${name}" must be an object`);
  return value;
}

/** The boolean at `name`, or undefined if it is absent. */
export function optionalBoolean(holder: JsonObject, name: string, where: string): boolean | undefined {
  const value = holder[name];
  if (value === undefined || typeof value === 'boolean') return value;
  throw badJson(`"${where}${name}" must be true or false`);
}

/** The strings at `name`, or undefined if it is absent. Each must start with `sigil`. */
export function optionalStrings(
  holder: JsonObject,
  name: string,
  where: string,
  sigil = '',
): readonly string[] | undefined {
  const value = holder[name];
  if (value === undefined) return undefined;
  if (!Array.isArray(value) || !value.every(isString)) {
    throw badJson(`"${where}${name}" must be an array of strings`);
  }
  if (value.length > MAX_FILTER_LIST) {
    throw badJson(`"${where}${name}" may have at most ${MAX_FILTER_LIST} entries`);
  }
  const wrong = value.find((entry) => !entry.startsWith(sigil));
  if (wrong !== undefined) throw badJson(`Every entry of "${where}${name}" must start with "${sigil}"`);
  return value;
}

function isString(value: JsonValue): value is string {
  return typeof value === 'string';
}
