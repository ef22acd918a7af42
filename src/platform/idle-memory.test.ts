import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { getHeapStatistics } from 'node:v8';
import { collector, releaseMemoryWhenIdle } from './idle-memory.ts';
import { HandTimers, useProcessor } from '../testing/server/hand-timers.ts';

const MIB = 1024 * 1024;
const LONG_MS = 500 * 0.05;

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
    /** Looks until so many collections were made. The engine works in the background, too, and is then not idle. */
    const looksUntil = (count: number) => {
      for (let looks = 1; looks < 500; looks++) {
        timers.go();
        if (collections === count) return looks;
      }
      throw new Error(`${count} collections are not made`);
    };
    leaveRubbish();
    const before = getHeapStatistics().total_heap_size;
    useProcessor(LONG_MS);
    timers.go();
    assert.equal(collections, 0, 'a busy process is not held up');
    kept.rubbish = undefined;
    assert.ok(looksUntil(1) >= 3, 'a pause is not the end of the work');
    assert.ok(getHeapStatistics().total_heap_size < before - 60 * MIB, 'an idle process becomes smaller');
    for (let i = 0; i < 80; i++) timers.go();
    assert.equal(collections, 1, 'there is nothing more to be had');
    leaveRubbish();
    assert.ok(looksUntil(2) > 1, 'it is done again');
    leaveRubbish();
    assert.ok(looksUntil(3) >= 40, 'not each time that there is a little to do');
    release.cancel();
    assert.equal(timers.isWaiting, false);
  });
});
