import { readFileSync } from 'node:fs';
import { Value } from 'typebox/value';
import {
  isAlias,
  isMap,
  isNode,
  isScalar,
  isSeq,
  LineCounter,
  parseDocument,
  type Document,
  type Pair,
  type YAMLMap,
} from 'yaml';
import { faultsOf, type Fault } from './judge-value.ts';
import { mismatches, type Mismatch } from './needed-together.ts';
import {
  allowed,
  configOptions,
  nearest,
  schemaAt,
  suggest,
  variableOf,
  type OptionSchema,
} from './options.ts';
import { ConfigSchema, type Config } from './schema.ts';

/** The configuration is wrong. The message says where and what is allowed, one line a problem. */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
  }
}

type Tree = Record<string, unknown>;
/** Where each option is given: a line of the file, or a variable. */
type Places = ReadonlyMap<string, string>;

interface Result {
  readonly tree: Tree;
  readonly problems: string[];
  readonly places: Map<string, string>;
}

/**
 * The configuration: defaults, overridden by the file, overridden by environment variables.
 *
 * @param source.file YAML file; undefined for none.
 * @param source.names what variables are called in messages, where they were not given as such.
 * @throws ConfigError naming each wrong key or value with its line and what is allowed.
 */
export function loadConfig(source: {
  file?: string | undefined;
  env: Readonly<Record<string, string | undefined>>;
  names?: Readonly<Record<string, string>>;
}): Config {
  const problems: string[] = [];
  const tree: Tree = {};
  const places = new Map<string, string>();
  if (source.file !== undefined) readFile(source.file, { tree, problems, places });
  readEnvironment(source.env, { tree, problems, places }, source.names);
  if (problems.length > 0) throw new ConfigError(problems);
  const config = Value.Default(ConfigSchema, withSections(tree));
  if (!Value.Check(ConfigSchema, config)) throw new ConfigError(['The configuration is not complete']);
  const missing = mismatches(config);
  if (missing.length > 0) throw new ConfigError(missing.map((one) => toldWhere(one, places)));
  return config;
}

/** Names an option where it is given, or else by its variable, too. */
function toldWhere({ path, text }: Mismatch, places: Places): string {
  const place = places.get(path);
  return place === undefined
    ? `${path}: ${text} (${variableOf(path.split('.'))})`
    : `${place}: ${path}: ${text}`;
}

/**
 * What may be a slip of the pen in the environment: a line for each variable that is named like an option and is none. They are
 * no mistakes, since others name variables, too, such as after a service.
 */
export function strangeVariables(env: Readonly<Record<string, string | undefined>>): string[] {
  const known = configOptions().map(({ variable }) => variable);
  return Object.keys(env)
    .filter((name) => name.startsWith('MYELIN_') && !known.includes(name))
    .map((name) => {
      const near = nearest(name, known);
      return `${name}: there is no such option, so it does nothing${near === undefined ? '' : `; did you mean ${near}?`}`;
    });
}

function readFile(file: string, result: Result): void {
  const { problems } = result;
  const lines = new LineCounter();
  let document: Document;
  try {
    document = parseDocument(readFileSync(file, 'utf8'), { lineCounter: lines });
  } catch (error) {
    problems.push(`${file}: cannot be read: ${(error as Error).message}`);
    return;
  }
  for (const error of document.errors) {
    const said =
      error.code === 'MULTIPLE_DOCS'
        ? 'a second document begins here; the file must hold one'
        : (error.message.split('\n', 1)[0] ?? '');
    problems.push(`${file}:${lines.linePos(error.pos[0]).line}: ${said}`);
  }
  const { contents } = document;
  if (problems.length > 0 || contents === null) return;
  if (!isMap(contents)) {
    problems.push(`${file}:1: the file must be a list of keys with values`);
    return;
  }
  const lineOf = (offset: number | undefined) => `${file}:${lines.linePos(offset ?? 0).line}`;
  readMap(contents, [], { ...result, document, lineOf });
}

interface Reading extends Result {
  readonly document: Document;
  readonly lineOf: (offset: number | undefined) => string;
}

function readMap(map: YAMLMap, path: readonly string[], reading: Reading): void {
  for (const pair of map.items) readPair(pair, path, reading);
}

function readPair(pair: Pair, parent: readonly string[], reading: Reading): void {
  const key = isScalar(pair.key) ? pair.key : undefined;
  const path = [...parent, String(key?.value)];
  const line = reading.lineOf(key?.range?.[0]);
  const schema = schemaAt(path);
  if (!schema) {
    const known = Object.keys(schemaAt(parent)?.properties ?? {});
    reading.problems.push(
      `${line}: ${path.join('.')}: there is no such key; ${suggest(String(key?.value), known)}`,
    );
    return;
  }
  const given = isAlias(pair.value) ? pair.value.resolve(reading.document) : pair.value;
  if (schema.properties) {
    if (isMap(given)) return readMap(given, path, reading);
    if (isScalar(given) && given.value === null) return;
    reading.problems.push(`${line}: ${path.join('.')}: must be ${allowed(schema)}`);
    return;
  }
  const value: unknown = isNode(given) ? given.toJS(reading.document) : undefined;
  reading.places.set(path.join('.'), line);
  const faults = faultsOf(schema, value);
  if (faults.length === 0) put(reading.tree, path, value);
  for (const { at, text } of faults) {
    const offset = offsetOf(given, at);
    const where = offset === undefined ? line : reading.lineOf(offset);
    reading.problems.push(`${where}: ${path.join('.')}${inside(at)}: ${text}`);
  }
}

/** A place in the value of an option, in words: entries are counted from 1, as people do. */
function inside([i, key]: Fault['at']): string {
  if (i === undefined) return '';
  return ` (entry ${Number(i) + 1})${key === undefined ? '' : `: ${key}`}`;
}

/** Where in the file an entry of a list begins, or a key of it. */
function offsetOf(list: unknown, [i, key]: Fault['at']): number | undefined {
  const entry = isSeq(list) && i !== undefined ? list.items[Number(i)] : undefined;
  const pair = isMap(entry)
    ? entry.items.find((one) => isScalar(one.key) && one.key.value === key)
    : undefined;
  const node = pair?.key ?? entry;
  return isNode(node) ? node.range?.[0] : undefined;
}

function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  { tree, problems, places }: Result,
  names: Readonly<Record<string, string>> = {},
): void {
  for (const { path, variable, schema } of configOptions()) {
    const name = names[variable] ?? variable;
    const text = env[variable];
    if (text === undefined) continue;
    const value = fromText(schema, text);
    places.set(path.join('.'), name);
    const faults = faultsOf(schema, value);
    if (faults.length === 0) put(tree, path, value);
    problems.push(...faults.map(({ at, text: fault }) => `${name}${inside(at)}: ${fault}`));
  }
}

function fromText(schema: OptionSchema, text: string): unknown {
  if (schema.type === 'integer' || schema.type === 'number') return text.trim() === '' ? text : Number(text);
  if (schema.type === 'boolean') return text === 'true' ? true : text === 'false' ? false : text;
  if (schema.items?.properties) return fromJson(text);
  if (schema.type === 'array') return text === '' ? [] : text.split(',').map((one) => one.trim());
  return text;
}

/** Lists of entries are written as JSON in environment variables. */
function fromJson(text: string): unknown {
  try {
    return JSON.parse(text === '' ? '[]' : text);
  } catch {
    return text;
  }
}

function put(tree: Tree, path: readonly string[], value: unknown): void {
  let at = tree;
  for (const key of path.slice(0, -1)) at = (at[key] ??= {}) as Tree;
  at[path.at(-1) ?? ''] = value;
}

/** Sections that say nothing are there all the same, so that their options get their defaults. */
function withSections(tree: Tree): Tree {
  for (const { path } of configOptions()) {
    let at = tree;
    for (const key of path.slice(0, -1)) at = (at[key] ??= {}) as Tree;
  }
  return tree;
}
