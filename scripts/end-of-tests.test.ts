import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { test } from 'node:test';

const COUNT = 200;
const QUICK = `import { test } from 'node:test';
for (let i = 0; i < ${COUNT}; i++) test('quick ' + i, () => {});\n`;

/** Runs a test file as `npm test` does; gives how it ended, and what it said. */
function run(text: string, env: NodeJS.ProcessEnv = {}): { status: number | null; said: string } {
  const folder = mkdtempSync(join(tmpdir(), 'myelin-end-of-tests-'));
  try {
    const file = join(folder, 'one.test.mjs');
    writeFileSync(file, text);
    const { NODE_TEST_CONTEXT: _, ...own } = process.env;
    const args = ['--import', resolve('scripts/end-of-tests.ts'), '--test', '--test-reporter=tap', file];
    const flags = ['--disable-warning=ExperimentalWarning'];
    const { status, stdout, stderr } = spawnSync(process.execPath, [...flags, ...args], {
      ...{ encoding: 'utf8', env: { ...own, ...env } },
    });
    return { status, said: stdout + stderr };
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

const passed = (said: string): number => said.match(/^ *ok \d+ - quick \d+$/gm)?.length ?? 0;

test('a test file that leaves something open fails, says what, and loses no result', () => {
  const open = `${QUICK}test('open', () => { setInterval(() => {}, 1_000); });\n`;
  const { status, said } = run(open, { MYELIN_TEST_CLOSING_MS: '500' });
  assert.equal(status, 1, said);
  assert.equal(passed(said), COUNT);
  assert.match(said, /ok \d+ - open\n/, 'the test itself passed');
  assert.match(said, /one\.test\.mjs have ended, but the process does not\. Open are: .*Timeout/);
  assert.match(said, /^not ok \d+ - .*one\.test\.mjs$/m);
});

test('a test file that closes everything is not held up', () => {
  const begun = performance.now();
  const { status, said } = run(QUICK, { MYELIN_TEST_CLOSING_MS: '600000' });
  assert.equal(status, 0, said);
  assert.equal(passed(said), COUNT);
  assert.ok(performance.now() - begun < 300_000);
});

test('tests that begin only after others have ended are not cut off', () => {
  const later = `${QUICK}await new Promise((resolve) => setTimeout(resolve, 300));
test('later', () => new Promise((resolve) => setTimeout(resolve, 2_500)));\n`;
  const { status, said } = run(later, { MYELIN_TEST_CLOSING_MS: '2000' });
  assert.equal(status, 0, said);
  assert.match(said, /ok \d+ - later\n/);
});
