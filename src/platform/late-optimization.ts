import { setFlagsFromString } from 'node:v8';
import { every, type Timer, type Timers } from './timers.ts';

/** How often it is looked whether there is work, in milliseconds. */
const LOOK_MS = 500;
/** A process that uses more of a processor than this has work. */
const BUSY_SHARE = 0.1;
/** So many looks in a row must find work: the end of the start or a collection of the heap is in one only. */
const BUSY_LOOKS = 2;
/** An idle process uses less of a processor than this. What is above it is work, also where it never makes the process busy. */
const IDLE_SHARE = 0.02;
/** So much processor time of work, in milliseconds, is worth optimizing for, however slowly it came together. */
const WORTHWHILE_MS = 500;

/** Undoes what `bin/myelin-server.js` starts the engine with. */
const OPTIMIZE_EVERYTHING = ['--turbo-filter=*', '--maglev-filter=*'];

/**
 * Lets the engine optimize what is hot once there is work: much at a time, or little for long. Until then it does not,
 * since some loops of the start are hot, too, and to optimize them takes 7 MB of the engine's own code into memory, which
 * an idle server does not need. Each look costs a few microseconds; none is taken any more once there was work.
 *
 * @param optimize tells the engine
 * @returns what ends it
 */
export function optimizeWhenBusy(timers: Timers, optimize = optimizeEverything): Timer {
  let used = process.cpuUsage();
  let busyLooks = 0;
  let workMs = 0;
  const looking = every(timers, LOOK_MS, () => {
    const since = process.cpuUsage(used);
    used = process.cpuUsage();
    const usedMs = (since.user + since.system) / 1_000;
    busyLooks = usedMs > BUSY_SHARE * LOOK_MS ? busyLooks + 1 : 0;
    workMs += Math.max(0, usedMs - IDLE_SHARE * LOOK_MS);
    if (busyLooks < BUSY_LOOKS && workMs < WORTHWHILE_MS) return;
    looking.cancel();
    optimize();
  });
  return looking;
}

function optimizeEverything(): void {
  for (const flag of OPTIMIZE_EVERYTHING) setFlagsFromString(flag);
}
