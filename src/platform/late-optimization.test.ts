import assert from 'node:assert/strict';
import { spawnSync } from 'node:child_process';
import { test } from 'node:test';
import { HandTimers, useProcessor } from '../testing/server/hand-timers.ts';
import { optimizeWhenBusy } from './late-optimization.ts';

const BUSY_MS = 100;

test('hot functions are optimized from when there was work in two looks in a row', () => {
  const timers = new HandTimers();
  let times = 0;
  optimizeWhenBusy(timers, () => (times += 1));
  const look = (isBusy: boolean) => {
    if (isBusy) useProcessor(BUSY_MS);
    timers.go();
  };
  for (const isBusy of [true, false, true, false]) look(isBusy);
  assert.equal(times, 0, 'that was the end of the start');
  look(true);
  look(true);
  assert.equal(times, 1);
  assert.equal(timers.isWaiting, false, 'nobody looks any more');
});

test('hot functions are optimized once work has come together that never made the process busy', () => {
  const timers = new HandTimers();
  let times = 0;
  optimizeWhenBusy(timers, () => (times += 1));
  let looks = 0;
  for (; times === 0 && looks < 100; looks++) {
    // Every other look finds nothing, so that two are never busy in a row.
    if (looks % 2 === 0) useProcessor(BUSY_MS);
    timers.go();
  }
  assert.equal(times, 1);
  assert.ok(looks > 5, 'a little work is not worth it');
});

test('the engine optimizes nothing until it is told to', () => {
  const program = `
    import { optimizeWhenBusy } from ${JSON.stringify(new URL('late-optimization.ts', import.meta.url).href)};
    import { HandTimers, useProcessor } from ${JSON.stringify(new URL('../testing/server/hand-timers.ts', import.meta.url).href)};
    const square = (n) => n * n;
    const warm = () => { for (let i = 0; i < 1e6; i++) square(i); };
    const isOptimized = () => (%GetOptimizationStatus(square) & 16) !== 0;
    warm();
    const timers = new HandTimers();
    optimizeWhenBusy(timers);
    const before = isOptimized();
    for (let look = 0; look < 2; look++) { useProcessor(${BUSY_MS}); timers.go(); }
    for (let round = 0; round < 1000 && !isOptimized(); round++) warm();
    console.log(before, isOptimized());
  `;
  const flags = [
    '--allow-natives-syntax',
    '--turbo-filter=~',
    '--maglev-filter=~',
    '--no-concurrent-recompilation',
  ];
  const { stdout, stderr } = spawnSync(
    process.execPath,
    ['--disable-warning=ExperimentalWarning', ...flags, '--input-type=module', '--eval', program],
    { encoding: 'utf8', timeout: 60_000 },
  );
  assert.equal(stdout, 'false true\n', stderr);
});
