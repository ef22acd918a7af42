import { readFileSync } from 'node:fs';
import type { TSchema } from 'typebox';
import { Value } from 'typebox/value';
import { isMap, isScalar, LineCounter, parseDocument, type Document, type Pair, type YAMLMap } from 'yaml';
import { isServerName } from '../../protocol/server-name.ts';
import { allowed, configOptions, schemaAt, type OptionSchema } from './options.ts';
import { ConfigSchema, type Config } from './schema.ts';

/** The configuration is wrong. The message says where and what is allowed, one line a problem. */
export class ConfigError extends Error {
  constructor(problems: readonly string[]) {
    super(problems.join('\n'));
    this.name = 'ConfigError';
  }
}

type Tree = Record<string, unknown>;

/**
 * The configuration: defaults, overridden by the file, overridden by environment variables.
 *
 * @param source.file YAML file; undefined for none.
 * @throws ConfigError naming each wrong key or value with its line and what is allowed.
 */
export function loadConfig(source: {
  file?: string | undefined;
  env: Readonly<Record<string, string | undefined>>;
}): Config {
  const problems: string[] = [];
  const tree: Tree = {};
  if (source.file !== undefined) readFile(source.file, tree, problems);
  readEnvironment(source.env, tree, problems);
  if (problems.length > 0) throw new ConfigError(problems);
  const config = Value.Default(ConfigSchema, withSections(tree));
  if (!Value.Check(ConfigSchema, config)) throw new ConfigError(['The configuration is not complete']);
  if (config.database.engine === 'postgres' && config.database.url === '') {
    throw new ConfigError(['database.url: must be given for the engine postgres (MYELIN_DATABASE_URL)']);
  }
  if (!isServerName(config.server_name)) {
    throw new ConfigError([
      'server_name: must be host, host:port or [IPv6]:port, at most 230 characters (MYELIN_SERVER_NAME)',
    ]);
  }
  return config;
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

function readFile(file: string, tree: Tree, problems: string[]): void {
  const lines = new LineCounter();
  let document: Document;
  try {
    document = parseDocument(readFileSync(file, 'utf8'), { lineCounter: lines });
  } catch (error) {
    problems.push(`${file}: cannot be read: ${(error as Error).message}`);
    return;
  }
  for (const error of document.errors) {
    problems.push(`${file}:${lines.linePos(error.pos[0]).line}: ${error.message.split('\n', 1)[0] ?? ''}`);
  }
  const { contents } = document;
  if (problems.length > 0 || contents === null) return;
  if (!isMap(contents)) {
    problems.push(`${file}:1: the file must be a list of keys with values`);
    return;
  }
  const lineOf = (offset: number | undefined) => `${file}:${lines.linePos(offset ?? 0).line}`;
  readMap(contents, [], { tree, problems, lineOf });
}

interface Reading {
  readonly tree: Tree;
  readonly problems: string[];
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
  if (schema.properties) {
    if (isMap(pair.value)) return readMap(pair.value, path, reading);
    if (isScalar(pair.value) && pair.value.value === null) return;
    reading.problems.push(`${line}: ${path.join('.')}: must be ${allowed(schema)}`);
    return;
  }
  const value: unknown = (pair.value as { toJSON?: () => unknown } | null)?.toJSON?.();
  if (check(schema, value)) put(reading.tree, path, value);
  else reading.problems.push(`${line}: ${path.join('.')}: must be ${allowed(schema)}`);
}

function readEnvironment(
  env: Readonly<Record<string, string | undefined>>,
  tree: Tree,
  problems: string[],
): void {
  for (const { path, variable, schema } of configOptions()) {
    const text = env[variable];
    if (text === undefined) continue;
    const value = fromText(schema, text);
    if (check(schema, value)) put(tree, path, value);
    else problems.push(`${variable}: must be ${allowed(schema)}`);
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

function check(schema: OptionSchema, value: unknown): boolean {
  const typed = schema as unknown as TSchema;
  return Value.Check(typed, schema.items?.properties ? Value.Default(typed, structuredClone(value)) : value);
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

function suggest(key: string, known: readonly string[]): string {
  const near = nearest(key, known);
  return `${near === undefined ? '' : `did you mean "${near}"? `}allowed here: ${known.join(', ')}`;
}

/** Of the known names the one that may have been meant. */
function nearest(name: string, known: readonly string[]): string | undefined {
  const [first] = [...known].sort((a, b) => distance(name, a) - distance(name, b));
  return first !== undefined && distance(name, first) <= 3 ? first : undefined;
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
