import { getHeapStatistics, setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import type { Timer, Timers } from './timers.ts';

/** How often it is looked whether there is nothing to do, in milliseconds. */
const LOOK_MS = 500;
/** A process that used less of a processor than this in each of so many looks in a row has nothing to do. */
const IDLE_SHARE = 0.01;
const IDLE_LOOKS = 3;
/** Growth of the heap that is worth a collection, in bytes. */
const WORTHWHILE = 8 * 1024 * 1024;
/**
 * From one collection to the next there are at least so many looks: who has a little to do now and then is not held up
 * each time.
 */
const LOOKS_BETWEEN = 40;

/**
 * Gives memory back to the system while there is nothing to do: what the start took, and what a busy time left behind.
 * The engine itself collects only when something is allocated, so that a server that was busy once would stay as large
 * as it was then for as long as it is idle. A collection of everything takes some 0.1 s, in which nothing is answered:
 * therefore only when the process is idle, and only when the heap has grown since the last one. Each thread has a heap,
 * and does this for itself.
 *
 * @param collect collects everything that can be collected
 * @returns what ends it
 */
export function releaseMemoryWhenIdle(timers: Timers, collect = collector()): Timer {
  let used = process.cpuUsage();
  let smallest = 0;
  let idleLooks = 0;
  let looks = LOOKS_BETWEEN;
  let next = timers.after(LOOK_MS, look);

  function look(): void {
    const since = process.cpuUsage(used);
    used = process.cpuUsage();
    const isIdle = since.user + since.system < IDLE_SHARE * LOOK_MS * 1_000;
    idleLooks = isIdle ? idleLooks + 1 : 0;
    looks += 1;
    if (idleLooks >= IDLE_LOOKS && looks >= LOOKS_BETWEEN && heapSize() > smallest + WORTHWHILE) {
      collect();
      smallest = heapSize();
      looks = 0;
    }
    next = timers.after(LOOK_MS, look);
  }

  return { cancel: () => next.cancel() };
}

function heapSize(): number {
  return getHeapStatistics().total_heap_size;
}

/**
 * The engine's collection of everything that can be collected in this thread, which it shows only when it is asked to.
 * It is not told to hide it again: another thread may be looking just then.
 */
export function collector(): () => void {
  setFlagsFromString('--expose-gc');
  const collect = runInNewContext('gc') as (options: object) => void;
  return () => collect({ type: 'major', execution: 'sync', flavor: 'last-resort' });
}
