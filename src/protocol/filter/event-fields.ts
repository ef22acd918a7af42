import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { badJson } from '../matrix-error.ts';
import { parsePropertyPath } from '../property-path.ts';

/** The most property names in one path; deeper ones are refused. */
const MAX_FIELD_DEPTH = 50;

/** Takes from an event the fields asked for. The result may share parts with the event: treat both as immutable. */
export type EventPruner = (event: JsonObject) => JsonObject;

interface FieldTree {
  whole: boolean;
  readonly children: Map<string, FieldTree>;
}

/**
 * Compiles the `event_fields` of a filter: dot-separated paths, with dots in names escaped (Client-Server API,
 * "Filtering"). No fields means every field. Throws 400 M_BAD_JSON for a path of more than 50 names.
 */
export function compileEventFields(fields: readonly string[]): EventPruner {
  if (fields.length === 0) return (event) => event;
  const root = newTree();
  for (const field of fields) addPath(root, field);
  return (event) => prune(event, root);
}

function newTree(): FieldTree {
  return { whole: false, children: new Map() };
}

function addPath(root: FieldTree, field: string): void {
  const names = parsePropertyPath(field);
  if (names.length > MAX_FIELD_DEPTH) {
    throw badJson(`An entry of "event_fields" may name at most ${MAX_FIELD_DEPTH} nested properties`);
  }
  let tree = root;
  for (const name of names) {
    const child = tree.children.get(name) ?? newTree();
    tree.children.set(name, child);
    tree = child;
  }
  tree.whole = true;
}

function prune(object: JsonObject, tree: FieldTree): JsonObject {
  const kept: [string, JsonValue | undefined][] = [];
  for (const [name, child] of tree.children) {
    if (!Object.hasOwn(object, name)) continue;
    const value = object[name];
    if (child.whole) kept.push([name, value]);
    else if (isJsonObject(value)) {
      const inner = prune(value, child);
      if (Object.keys(inner).length > 0) kept.push([name, inner]);
    }
  }
  return Object.fromEntries(kept);
}
