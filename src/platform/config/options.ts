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
    return [{ path, variable: `MYELIN_${path.join('_').toUpperCase()}`, schema }];
  }
  return Object.entries(schema.properties).flatMap(([key, inner]) => configOptions(inner, [...path, key]));
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
      return schema.minLength
        ? `a text of ${schema.minLength} to ${schema.maxLength ?? 'any number of'} characters`
        : 'a text';
    default:
      return range(schema);
  }
}

function list({ items }: OptionSchema): string {
  if (items?.properties) return `a list of entries with ${Object.keys(items.properties).join(', ')}`;
  if (items?.anyOf) return `a list of ${items.anyOf.map((one) => String(one.const)).join(', ')}`;
  return 'a list of texts';
}

function range(schema: OptionSchema): string {
  const kind = schema.type === 'integer' ? 'a whole number' : 'a number';
  if (schema.exclusiveMinimum !== undefined) return `${kind} above ${schema.exclusiveMinimum}`;
  if (schema.maximum !== undefined) return `${kind} from ${schema.minimum ?? 0} to ${schema.maximum}`;
  return schema.minimum === undefined ? kind : `${kind} from ${schema.minimum} on`;
}
