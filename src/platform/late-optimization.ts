import { setFlagsFromString } from 'node:v8';
import { every, type Timer, type Timers } from './timers.ts';

/** How often it is looked whether there is work, in milliseconds. */
const LOOK_MS = 500;
/** A process that uses more of a processor than this has work. */
const BUSY_SHARE = 0.1;
/** So many looks in a row must find work: the end of the start or a collection of the heap is in one only. */
const BUSY_LOOKS = 2;

/** Undoes what `bin/myelin-server.js` starts the engine with. */
const OPTIMIZE_EVERYTHING = ['--turbo-filter=*', '--maglev-filter=*'];

/**
 * Lets the engine optimize what is hot from when there is work. Some loops of the start are hot, too, and optimizing them takes
 * 7 MB of the engine's own code into memory, which an idle server does not need. The look costs a few microseconds, and there
 * is none any more once there was work.
 *
 * @param optimize tells the engine
 * @returns what ends it
 */
export function optimizeWhenBusy(timers: Timers, optimize = optimizeEverything): Timer {
  let used = process.cpuUsage();
  let busyLooks = 0;
  const looking = every(timers, LOOK_MS, () => {
    const since = process.cpuUsage(used);
    used = process.cpuUsage();
    const isBusy = since.user + since.system > BUSY_SHARE * LOOK_MS * 1_000;
    busyLooks = isBusy ? busyLooks + 1 : 0;
    if (busyLooks < BUSY_LOOKS) return;
    looking.cancel();
    optimize();
  });
  return looking;
}

function optimizeEverything(): void {
  for (const flag of OPTIMIZE_EVERYTHING) setFlagsFromString(flag);
}
