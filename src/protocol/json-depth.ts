import { isJsonObject, type JsonValue } from './json.ts';

/**
 * Whether a value is nested deeper than so many levels of arrays and objects. `JSON.parse` takes any depth, while whatever
 * walks the value or writes it down again comes to the end of the call stack.
 */
export function isDeeperThan(value: JsonValue | undefined, most: number): boolean {
  if (typeof value !== 'object' || value === null) return false;
  if (most <= 0) return true;
  if (!isJsonObject(value)) return value.some((item) => isDeeperThan(item, most - 1));
  for (const key in value) if (isDeeperThan(value[key], most - 1)) return true;
  return false;
}
