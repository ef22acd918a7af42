import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { RepeatedRun } from './repeated-run.ts';

describe('a repeated run', () => {
  it('runs one at a time, and once more if it was asked for meanwhile', async () => {
    const ends: (() => void)[] = [];
    const run = new RepeatedRun(() => new Promise((resolve) => ends.push(resolve)));
    run.ask();
    run.ask();
    run.ask();
    assert.equal(ends.length, 1, 'one at a time');
    ends[0]?.();
    await run.settled();
    assert.equal(ends.length, 2, 'once more, not twice');
    ends[1]?.();
    await run.settled();
    assert.equal(ends.length, 2, 'nobody asked again');
    run.ask();
    assert.equal(ends.length, 3);
  });

  it('waits for nothing where there is nothing to be done', async () => {
    let isDue = false;
    let runs = 0;
    const run = new RepeatedRun(() => (isDue ? Promise.resolve(void (runs += 1)) : undefined));
    run.ask();
    await run.settled();
    assert.equal(runs, 0);
    isDue = true;
    run.ask();
    await run.settled();
    assert.equal(runs, 1);
  });
});
