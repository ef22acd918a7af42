import { createHash } from 'node:crypto';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import { fileURLToPath } from 'node:url';
import { parse } from 'yaml';
import type { JsonObject, JsonValue } from '../../protocol/json.ts';

/** The specification's OpenAPI documents and event schemas: documents by their path below `spec/data`. */
export type Specification = ReadonlyMap<string, JsonObject>;

const ROOT = fileURLToPath(new URL('../../..', import.meta.url));
/** Reading the YAML takes a second or two, which each test file would pay: what was read is kept here as JSON. */
const KEPT_IN = join(ROOT, 'data/contract');
const FOLDERS = ['api', 'event-schemas/schema', 'schemas'];
/** Prose and examples: schemas do without, and an example may look like a schema. */
const LEFT_OUT = new Set(['description', 'summary', 'example', 'examples', 'title']);

/**
 * The documents of `data/` of the specification's repository: from the folder that MYELIN_SPEC_DATA names, or
 * `../shared/spec/data` beside this checkout. Nothing, said aloud, where neither is there.
 */
export function readSpecification(): Specification | undefined {
  const folder = process.env.MYELIN_SPEC_DATA ?? join(ROOT, '../shared/spec/data');
  if (!existsSync(join(folder, 'api/client-server'))) {
    process.stderr.write(
      '*** NO SPECIFICATION: answers are not checked against its schemas. MYELIN_SPEC_DATA may name its data folder. ***\n',
    );
    return undefined;
  }
  const files = FOLDERS.flatMap((name) => yamlFiles(join(folder, name))).sort();
  const kept = join(KEPT_IN, `${fingerprint(files)}.json`);
  if (!existsSync(kept)) keep(kept, folder, files);
  return new Map(Object.entries(JSON.parse(readFileSync(kept, 'utf8')) as Record<string, JsonObject>));
}

function yamlFiles(folder: string): string[] {
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => name.endsWith('.yaml'))
    .map((name) => join(folder, name));
}

function fingerprint(files: readonly string[]): string {
  const hash = createHash('sha256').update(readFileSync(fileURLToPath(import.meta.url)));
  for (const file of files) {
    const { mtimeMs, size } = statSync(file);
    hash.update(`${file} ${mtimeMs} ${size}\n`);
  }
  return hash.digest('hex').slice(0, 16);
}

/** Several test files may do this at once: each writes a file of its own, and the last one stays. */
function keep(path: string, folder: string, files: readonly string[]): void {
  const documents: Record<string, JsonValue> = {};
  for (const file of files) {
    const document = parse(readFileSync(file, 'utf8')) as JsonValue;
    documents[relative(folder, file).replaceAll('\\', '/')] = withoutProse(document, undefined);
  }
  mkdirSync(KEPT_IN, { recursive: true });
  const own = `${path}.${process.pid}`;
  writeFileSync(own, JSON.stringify(documents));
  renameSync(own, path);
}

/** A property may be called "description": only where schemas have their keywords are these prose. */
function withoutProse(value: JsonValue, under: string | undefined): JsonValue {
  if (Array.isArray(value)) return value.map((one) => withoutProse(one, undefined));
  if (typeof value !== 'object' || value === null) return value;
  const names = under === 'properties';
  return Object.fromEntries(
    Object.entries(value)
      .filter(([key]) => names || !LEFT_OUT.has(key))
      .map(([key, inner]) => [key, withoutProse(inner ?? null, names ? undefined : key)]),
  );
}
