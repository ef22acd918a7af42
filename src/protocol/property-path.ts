import { isJsonObject, type JsonObject, type JsonValue } from './json.ts';

/**
 * Splits a dot-separated property path into property names: `content.m\.relates_to` is `content`, `m.relates_to`.
 * A backslash before anything but a dot or a backslash is itself (Appendices, "Dot-separated property paths").
 */
export function parsePropertyPath(path: string): string[] {
  const names: string[] = [];
  let name = '';
  for (let i = 0; i < path.length; i++) {
    const character = path.charAt(i);
    const next = path.charAt(i + 1);
    if (character === '\\' && (next === '.' || next === '\\')) {
      name += next;
      i++;
    } else if (character === '.') {
      names.push(name);
      name = '';
    } else {
      name += character;
    }
  }
  names.push(name);
  return names;
}

/** The value at a path made by `parsePropertyPath`, or undefined where there is none. Looks at own properties only. */
export function propertyAt(root: JsonObject, names: readonly string[]): JsonValue | undefined {
  let value: JsonValue | undefined = root;
  for (const name of names) {
    if (!isJsonObject(value) || !Object.hasOwn(value, name)) return undefined;
    value = value[name];
  }
  return value;
}
