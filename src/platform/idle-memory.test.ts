import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { getHeapStatistics } from 'node:v8';
import { collector, releaseMemoryWhenIdle } from './idle-memory.ts';
import type { Timers } from './timers.ts';

/** Timers that go off when the test says so. */
class HandTimers implements Timers {
  #waiting: (() => void) | undefined;

  after(_ms: number, run: () => void): { cancel(): void } {
    this.#waiting = run;
    return { cancel: () => (this.#waiting = undefined) };
  }

  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  go(): void {
    const run = this.#waiting;
    this.#waiting = undefined;
    run?.();
  }
}

const MIB = 1024 * 1024;
const LONG_MS = 5_000 * 0.05;

/** Makes the heap larger by some 100 MiB that nobody needs. */
function leaveRubbish(): void {
  kept.rubbish = Array.from({ length: 100 }, () => new Array<number>(MIB / 8).fill(0.5));
}

/** What keeps the rubbish alive. */
const kept: { rubbish?: number[][] | undefined } = {};

/** On a busy machine a process has little of a processor in a second. */
function stayBusy(): void {
  const start = process.cpuUsage();
  for (let ms = 0; ms < LONG_MS;) {
    const { user, system } = process.cpuUsage(start);
    ms = (user + system) / 1_000;
  }
}

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
    stayBusy();
    timers.go();
    assert.equal(collections, 0, 'a busy process is not held up');
    kept.rubbish = undefined;
    timers.go();
    assert.equal(collections, 1);
    assert.ok(getHeapStatistics().total_heap_size < before - 60 * MIB, 'an idle process becomes smaller');
    timers.go();
    assert.equal(collections, 1, 'there is nothing more to be had');
    release.cancel();
    assert.equal(timers.isWaiting, false);
  });
});
