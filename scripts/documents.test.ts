import assert from 'node:assert/strict';
import { globSync, readFileSync } from 'node:fs';
import { dirname, join, normalize, sep } from 'node:path';
import { test } from 'node:test';

/** Where files are that documents speak of; what is installed or made is not. */
const IGNORED: ReadonlySet<string> = new Set(['node_modules', 'data', '.git']);
const tree = globSync('**/*', { exclude: (path) => IGNORED.has(path) }).map((path) =>
  path.split(sep).join('/'),
);
/** Each file and folder under its path and every end of it: documents leave out what is clear from where they speak. */
const named = new Set(tree.flatMap((path) => path.split('/').map((_, i, parts) => parts.slice(i).join('/'))));
/** Made from the tests and the endpoints, the first of them only after all tests. */
const GENERATED: readonly string[] = ['docs/conformance.md', 'docs/endpoints.md'];
const documents = tree.filter((path) => path.endsWith('.md') && !GENERATED.includes(path));

/** Code spans that name files or folders, such as `wire/endpoint.ts` and `api/`. */
const PATHS = /`([\w.-]+(?:\/[\w.-]+)*(?:\.(?:ts|js|cjs|md|tsv|json)|\/))`/g;
/** Commands of the project, such as `npm run docs`. */
const SCRIPTS = /npm (?:run |(?=test|start))([\w:]+)/g;
const LINKS = /\]\((?!https?:|#)([^)#]+)(?:#[^)]*)?\)/g;
/** Values of settings that look like paths. */
const EXAMPLES: ReadonlySet<string> = new Set(['myelin/']);

function texts(path: string, pattern: RegExp): string[] {
  return [...readFileSync(path, 'utf8').matchAll(pattern)].map(([, found = '']) => found);
}

test('every file and folder that a document names is there', () => {
  const missing = documents.flatMap((path) =>
    texts(path, PATHS)
      .filter((name) => !EXAMPLES.has(name) && !named.has(name.replace(/\/$/, '')))
      .map((name) => `${path}: ${name}`),
  );
  assert.ok(texts('docs/architecture.md', PATHS).length > 30, 'names are found at all');
  assert.deepEqual(missing, []);
});

test('every command that a document names is one of the project', () => {
  const { scripts } = JSON.parse(readFileSync('package.json', 'utf8')) as { scripts: Record<string, string> };
  const missing = documents.flatMap((path) =>
    texts(path, SCRIPTS)
      .filter((name) => !Object.hasOwn(scripts, name))
      .map((name) => `${path}: npm run ${name}`),
  );
  assert.ok(texts('README.md', SCRIPTS).includes('test:simulation'), 'commands are found at all');
  assert.deepEqual(missing, []);
});

test('every link of a document leads to a file', () => {
  const missing = documents.flatMap((path) =>
    texts(path, LINKS)
      .map((link) => normalize(join(dirname(path), link)).replace(/\/$/, ''))
      .filter((target) => !tree.includes(target))
      .map((target) => `${path}: ${target}`),
  );
  assert.deepEqual(missing, []);
});
