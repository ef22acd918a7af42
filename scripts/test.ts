import { spawnSync } from 'node:child_process';
import { globSync, mkdirSync, rmSync } from 'node:fs';
import { resolve } from 'node:path';

/** The test command: type check, lint with the layer rule, format, generated files, then all tests on both engines. */

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

const checks: [string, string[]][] = [
  ['types', [node, 'node_modules/tsc7/bin/tsc', '--noEmit', '-p', '.']],
  ['lint', [node, bin('eslint'), '.']],
  ['layers', [node, bin('depcruise'), 'src', '--config', '.dependency-cruiser.cjs']],
  ['format', [node, bin('prettier'), '--check', '--log-level', 'warn', '.']],
  ['generated files', [node, ...flags, 'scripts/docs.ts', '--check']],
];
const run: [string, string[]] = [
  'tests',
  [
    ...[
      node,
      ...flags,
      'src/storage/testing/with-postgres.ts',
      node,
      ...flags,
      '--test',
      `--test-timeout=${longer ? 1_800_000 : 120_000}`,
      // Much of a test is waiting: for disks, databases, browsers. Left alone, two processors run one file at a time.
      '--test-concurrency=2',
    ],
    ...['--test-reporter=spec', '--test-reporter-destination=stdout'],
    ...[
      '--test-reporter=./scripts/conformance-reporter.ts',
      '--test-reporter-destination=data/test-results.json',
    ],
    ...(longer ? tests.filter((file) => file.includes(longer.folder)) : tests.sort()),
  ],
];

const browser: [string, string[]] = ['Chromium', [node, ...flags, 'scripts/install-chromium.ts']];

mkdirSync('data', { recursive: true });
rmSync(EXERCISED, { recursive: true, force: true });
const check = process.env.CI === 'true' ? ['--check'] : [];
const tables: [string, string[]][] = [
  ['conformance table', [node, ...flags, 'scripts/conformance.ts', ...check]],
  ['endpoint table', [node, ...flags, 'scripts/endpoints.ts', ...check]],
];

for (const [name, [command = '', ...args]] of longer ? [run] : [...checks, browser, run, ...tables]) {
  const begun = performance.now();
  const env = { ...longer?.env, ...process.env, MYELIN_EXERCISED: resolve(EXERCISED) };
  const { status } = spawnSync(command, args, { stdio: 'inherit', env });
  const seconds = ((performance.now() - begun) / 1000).toFixed(1);
  process.stderr.write(`${status === 0 ? 'passed' : 'FAILED'}: ${name}, ${seconds} s\n`);
  if (status !== 0) process.exit(status ?? 1);
}
