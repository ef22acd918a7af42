import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname } from 'node:path';
import { interopTables, readResults } from '../e2e/interop/results.ts';
import type { TestResult } from './conformance-reporter.ts';

/** Writes docs/conformance.md from the results of the last test run; with `--check` says whether it is up to date. */

const FILE = 'docs/conformance.md';
const RESULTS = 'data/test-results.json';
const MARK = /\[([AB]\d{3})( partial)?\]/g;
/** Features that are listed because people ask for them, though no version of the specification has them. */
const OUTSIDE = 'Today: Not in the specification';
const HEAD = `# Conformance

This table is made from the results of \`npm test\` by \`npm run conformance\`; do not edit it. Rows are the features
listed in \`features.tsv\`: A001 to A132 of the system of 2015, B001 to B147 of the specification of today.

A test says in its title which rows it proves: \`a gap in the timeline is limited [B026]\`. A row

- **works** when a test marked with it passed, and none failed;
- is **partial** when only tests marked as \`[B026 partial]\` passed, or one of several marked tests failed;
- is **missing** otherwise, or **outside** where the specification has no text of it. Skipped tests prove nothing.

`;

const INTEROP = `
## Beside other homeservers

What \`npm run test:interop\` found when it was run last (\`interop.tsv\`): Myelin and another homeserver on one machine, over
TLS, with the rooms made on the one or the other, by room version. A dash: the version does not have it.

`;

interface Feature {
  readonly id: string;
  readonly title: string;
  readonly area: string;
}

interface Proof {
  readonly file: string;
  readonly whole: boolean;
  readonly state: TestResult['state'];
}

const text = documentOf(readFeatures(), proofs(JSON.parse(readFileSync(RESULTS, 'utf8')) as TestResult[]));
if (process.argv.includes('--check')) {
  if (readFileSync(FILE, 'utf8') !== text) {
    process.stderr.write(`${FILE} is out of date: run "npm test", then "npm run conformance"\n`);
    process.exit(1);
  }
} else {
  mkdirSync(dirname(FILE), { recursive: true });
  writeFileSync(FILE, text);
}

function readFeatures(): Feature[] {
  const lines = readFileSync('docs/features.tsv', 'utf8').trimEnd().split('\n').slice(1);
  return lines.map((line) => {
    const [id = '', title = '', area = ''] = line.split('\t');
    return { id, title, area };
  });
}

/** What the tests say of each row. */
function proofs(results: readonly TestResult[]): Map<string, Proof[]> {
  const found = new Map<string, Proof[]>();
  for (const { file, title, state } of results) {
    for (const [, id = '', partial] of title.matchAll(MARK)) {
      const list = found.get(id) ?? [];
      list.push({ file, state, whole: partial === undefined });
      found.set(id, list);
    }
  }
  return found;
}

function stateOf({ area }: Feature, list: readonly Proof[]): 'works' | 'partial' | 'missing' | 'outside' {
  const passed = list.filter(({ state }) => state === 'passed');
  if (passed.length === 0) return area === OUTSIDE ? 'outside' : 'missing';
  const failed = list.some(({ state }) => state === 'failed');
  return !failed && passed.some(({ whole }) => whole) ? 'works' : 'partial';
}

function documentOf(features: readonly Feature[], found: ReadonlyMap<string, readonly Proof[]>): string {
  const unknown = [...found.keys()].filter((id) => !features.some((feature) => feature.id === id));
  if (unknown.length > 0)
    throw new Error(`Tests are marked with rows that do not exist: ${unknown.join(', ')}`);
  const count = { works: 0, partial: 0, missing: 0, outside: 0 };
  let area = '';
  let table = '';
  for (const feature of features) {
    if (feature.area !== area) {
      area = feature.area;
      table += `\n## ${area}\n\n| row | feature | state | tests |\n| --- | --- | --- | --- |\n`;
    }
    const list = found.get(feature.id) ?? [];
    const state = stateOf(feature, list);
    count[state] += 1;
    const files = [...new Set(list.filter((one) => one.state === 'passed').map((one) => one.file))].sort();
    const links = files.map((file) => `[${file}](../${file})`).join(', ');
    table += `| ${feature.id} | ${feature.title} | ${state} | ${links} |\n`;
  }
  const counts = `${count.works} work, ${count.partial} partly, ${count.missing} are missing, ${count.outside} outside.`;
  return `${HEAD}${counts}\n${table}${INTEROP}${interopTables(readResults())}`;
}
