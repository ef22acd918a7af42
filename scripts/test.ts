import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { globSync, mkdirSync, rmSync } from 'node:fs';
import { availableParallelism } from 'node:os';
import { resolve } from 'node:path';
import { groupsOf, writeGroups } from './test-groups.ts';

/**
 * The test command: type check, lint with the layer rule, format and generated files side by side, then all tests on
 * both engines.
 */

/** Where each test process notes which endpoints it asked. */
const EXERCISED = 'data/exercised';
const node = process.execPath;
const flags = ['--disable-warning=ExperimentalWarning'];
const bin = (name: string) => `node_modules/.bin/${name}`;
const tests = ['src/**/*.test.ts', 'scripts/**/*.test.ts', 'e2e/**/*.test.ts'].flatMap((pattern) =>
  globSync(pattern),
);
/** Tests that do more when they are run alone: where they are, and how much more. */
const LONGER: Readonly<Record<string, { folder: string; env: Record<string, string> }>> = {
  '--crash': { folder: 'e2e/crash', env: { MYELIN_CRASH_ROUNDS: '50' } },
  '--fuzz': { folder: 'src/testing/fuzz', env: { MYELIN_FUZZ_ROUNDS: '300' } },
};
const longer = LONGER[process.argv[2] ?? ''];

/** Folders of the tests that take longest. They begin first, or one of them would go on alone at the end. */
const LONGEST = ['src/testing/simulation/', 'src/testing/visibility/', 'src/testing/fuzz/'];
/** The others that have a process of their own: they wait for programs that they start, and what they do here is little. */
const ALONE = ['e2e/', 'scripts/'];
const isIn = (folders: readonly string[]) => (file: string) =>
  folders.some((folder) => file.startsWith(folder));

/** Its name, and its command. */
type Step = readonly [string, readonly string[]];

const checks: Step[] = [
  ['types', [node, 'node_modules/tsc7/bin/tsc', '--noEmit', '-p', '.']],
  ['lint', [node, bin('eslint'), '.']],
  ['layers', [node, bin('depcruise'), 'src', '--config', '.dependency-cruiser.cjs']],
  ['format', [node, bin('prettier'), '--check', '--log-level', 'warn', '.']],
  ['generated files', [node, ...flags, 'scripts/docs.ts', '--check']],
];
const run: Step = [
  'tests',
  [
    ...[
      node,
      ...flags,
      'src/storage/testing/with-postgres.ts',
      node,
      ...flags,
      '--import=./scripts/end-of-tests.ts',
      '--test',
      // The longest tests take half a minute where nothing else runs, and ten times as long on a busy machine.
      `--test-timeout=${longer ? 1_800_000 : 300_000}`,
      // Much of a test is waiting: for databases, browsers, what comes later. One file more than processors keeps these busy.
      `--test-concurrency=${availableParallelism() + 1}`,
    ],
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...[
      '--test-reporter=./scripts/conformance-reporter.ts',
      '--test-reporter-destination=data/test-results.json',
    ],
    ...writeGroups(
      longer ? tests.filter((file) => file.includes(longer.folder)).map((file) => [file]) : allGroups(),
    ),
  ],
];

const browser: Step = ['Chromium', [node, ...flags, 'scripts/install-chromium.ts']];

mkdirSync('data', { recursive: true });
rmSync(EXERCISED, { recursive: true, force: true });
const check = process.env.CI === 'true' ? ['--check'] : [];
const tables: Step[] = [
  ['conformance table', [node, ...flags, 'scripts/conformance.ts', ...check]],
  ['endpoint table', [node, ...flags, 'scripts/endpoints.ts', ...check]],
];

const env = {
  ...longer?.env,
  ...process.env,
  MYELIN_EXERCISED: resolve(EXERCISED),
  // Each group of test files is a process that loads the server: what the first of them compiled serves them all.
  NODE_COMPILE_CACHE: process.env.NODE_COMPILE_CACHE ?? resolve('node_modules/.cache/myelin'),
};

if (!longer) end(await Promise.all([...checks, browser].map((step) => play(step, 'pipe'))));
for (const step of longer ? [run] : [run, ...tables]) end([await play(step, 'inherit')]);

/** Runs a step. What it says is shown as it comes, or when it ends: then several can run at a time and be read. */
async function play([name, [command = '', ...args]]: Step, output: 'inherit' | 'pipe'): Promise<number> {
  const begun = performance.now();
  const child = spawn(command, args, { stdio: ['inherit', output, output], env });
  const said: Buffer[] = [];
  for (const stream of [child.stdout, child.stderr])
    stream?.on('data', (chunk: Buffer) => void said.push(chunk));
  const [status] = (await once(child, 'close')) as [number | null];
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  process.stderr.write(Buffer.concat(said));
  process.stderr.write(`${status === 0 ? 'passed' : 'FAILED'}: ${name}, ${seconds} s\n`);
  return status ?? 1;
}

function allGroups(): string[][] {
  const sorted = tests.toSorted();
  const [longest, alone] = [isIn(LONGEST), isIn(ALONE)];
  const others = sorted.filter((file) => !longest(file) && !alone(file));
  return [...[...sorted.filter(longest), ...sorted.filter(alone)].map((file) => [file]), ...groupsOf(others)];
}

/** Ends here where a step failed. */
function end(statuses: readonly number[]): void {
  const failed = statuses.find((status) => status !== 0);
  if (failed !== undefined) process.exit(failed);
}
