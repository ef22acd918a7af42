import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { getHeapStatistics } from 'node:v8';
import { collector, releaseMemoryWhenIdle } from './idle-memory.ts';
import { HandTimers, useProcessor } from '../testing/server/hand-timers.ts';

const MIB = 1024 * 1024;
const LONG_MS = 2_000 * 0.05;

/** Makes the heap larger by some 100 MiB that nobody needs. */
function leaveRubbish(): void {
  kept.rubbish = Array.from({ length: 100 }, () => new Array<number>(MIB / 8).fill(0.5));
}

/** What keeps the rubbish alive. */
const kept: { rubbish?: number[][] | undefined } = {};

describe('memory of an idle process', () => {
  it('is given back when there is nothing to do, and only then', () => {
    const timers = new HandTimers();
    const collect = collector();
    let collections = 0;
    const release = releaseMemoryWhenIdle(timers, () => {
      collections += 1;
      collect();
    });
    leaveRubbish();
    const before = getHeapStatistics().total_heap_size;
    useProcessor(LONG_MS);
    timers.go();
    assert.equal(collections, 0, 'a busy process is not held up');
    kept.rubbish = undefined;
    timers.go();
    assert.equal(collections, 1);
    assert.ok(getHeapStatistics().total_heap_size < before - 60 * MIB, 'an idle process becomes smaller');
    for (let i = 0; i < 20; i++) timers.go();
    assert.equal(collections, 1, 'there is nothing more to be had');
    leaveRubbish();
    for (let i = 0; i < 2; i++) timers.go();
    assert.equal(collections, 2, 'it is done again');
    leaveRubbish();
    for (let i = 0; i < 8; i++) timers.go();
    assert.equal(collections, 2, 'not each time that there is a little to do');
    for (let i = 0; i < 2; i++) timers.go();
    assert.equal(collections, 3);
    release.cancel();
    assert.equal(timers.isWaiting, false);
  });
});
