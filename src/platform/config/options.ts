import { FORMS, type FormName } from './forms.ts';
import { ConfigSchema } from './schema.ts';

/** What the schema says of one option, as plain JSON Schema. */
export interface OptionSchema {
  readonly type?: string;
  readonly anyOf?: readonly { readonly const: unknown }[];
  /** What a list holds: texts, or entries with keys. */
  readonly items?: OptionSchema;
  readonly properties?: Readonly<Record<string, OptionSchema>>;
  readonly default?: unknown;
  readonly description?: string;
  readonly minimum?: number;
  readonly maximum?: number;
  readonly exclusiveMinimum?: number;
  readonly minLength?: number;
  readonly maxLength?: number;
  /** Least entries of a list. */
  readonly minItems?: number;
  /** Keys that an entry must have. */
  readonly required?: readonly string[];
  readonly form?: FormName;
}

/** One option: its path in the file, its environment variable, and its schema. */
export interface ConfigOption {
  readonly path: readonly string[];
  readonly variable: string;
  readonly schema: OptionSchema;
}

const ROOT = ConfigSchema as unknown as OptionSchema;

/** Every option, in the order of the schema. */
export function configOptions(schema: OptionSchema = ROOT, path: readonly string[] = []): ConfigOption[] {
  if (!schema.properties) {
    return [{ path, variable: variableOf(path), schema }];
  }
  return Object.entries(schema.properties).flatMap(([key, inner]) => configOptions(inner, [...path, key]));
}

/** The environment variable of an option. */
export function variableOf(path: readonly string[]): string {
  return `MYELIN_${path.join('_').toUpperCase()}`;
}

/** The schema at a path of the file; undefined where the file has nothing. */
export function schemaAt(path: readonly string[]): OptionSchema | undefined {
  let schema: OptionSchema | undefined = ROOT;
  for (const key of path) {
    const properties: Readonly<Record<string, OptionSchema>> = schema?.properties ?? {};
    schema = Object.hasOwn(properties, key) ? properties[key] : undefined;
  }
  return schema;
}

/** What values an option takes, in words. */
export function allowed(schema: OptionSchema): string {
  if (schema.anyOf) return `one of ${schema.anyOf.map((one) => String(one.const)).join(', ')}`;
  switch (schema.type) {
    case 'boolean':
      return 'true or false';
    case 'array':
      return list(schema);
    case 'object':
      return `a section with ${Object.keys(schema.properties ?? {}).join(', ')}`;
    case 'string':
      return text(schema);
    default:
      return range(schema);
  }
}

function text({ form, default: fallback, minLength, maxLength }: OptionSchema): string {
  if (form !== undefined) return `${FORMS[form].words}${fallback === '' ? '; or empty' : ''}`;
  return minLength === undefined
    ? 'a text'
    : `a text of ${minLength} to ${maxLength ?? 'any number of'} characters`;
}

function list({ items, minItems }: OptionSchema): string {
  const least = minItems === undefined ? '' : `, at least ${minItems}`;
  if (items?.properties) return `a list of entries with ${Object.keys(items.properties).join(', ')}${least}`;
  if (items?.anyOf) return `a list of ${items.anyOf.map((one) => String(one.const)).join(', ')}${least}`;
  return `a list, each ${items === undefined ? 'a text' : allowed(items)}${least}`;
}

function range(schema: OptionSchema): string {
  const kind = schema.type === 'integer' ? 'a whole number' : 'a number';
  const { minimum, maximum, exclusiveMinimum: above } = schema;
  if (above !== undefined)
    return `${kind} above ${above}${maximum === undefined ? '' : `, at most ${maximum}`}`;
  if (maximum !== undefined) return `${kind} from ${minimum ?? 0} to ${maximum}`;
  return minimum === undefined ? kind : `${kind} from ${minimum} on`;
}

/** What may have been meant by a name that is not known, and which are. */
export function suggest(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  return `${near === undefined ? '' : `did you mean "${near}"? `}allowed here: ${known.join(', ')}`;
}

/** Of the known names the one that may have been meant: as few edits lead to it as a third of its letters, three at most. */
export function nearest(name: string, known: readonly string[]): string | undefined {
  const [first] = [...known].sort((a, b) => distance(name, a) - distance(name, b));
  const most = Math.min(3, Math.ceil(name.length / 3));
  return first !== undefined && distance(name, first) <= most ? first : undefined;
}

/** Edits that lead from one text to the other (Levenshtein). */
function distance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const change = (row[j - 1] ?? 0) + Number(a[i - 1] !== b[j - 1]);
      next.push(Math.min((row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1, change));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}
