import { setFlagsFromString } from 'node:v8';
import { runInNewContext } from 'node:vm';
import { PLANTS } from '../src/testing/simulation/plants.ts';
import { simulate, sizeOf } from '../src/testing/simulation/run.ts';
import { simulationArguments, type SimulationArguments } from './simulation-arguments.ts';

/**
 * Simulates federations: `--seeds N` runs N of them, from `--from` on; `--seed N` runs one and prints what happened;
 * `--plant NAME` puts a bug into the servers that must be found.
 */
/** After so many seeds the memory that is held then is looked at, and how much it may grow in a run. */
const COLLECT_EVERY = 10;
const MOST_GROWTH_MIB = 40;

const { first, count, isOne, plant, minutes } = readArguments();
const planted = plant === undefined ? {} : PLANTS[plant];
const begun = performance.now();
const collect = collector();
const heaps: number[] = [];
const failed: number[] = [];
let done = 0;
for (let seed = first; seed < first + count; seed++) {
  if (minutes !== undefined && performance.now() - begun > minutes * 60_000) break;
  const cpu = process.cpuUsage();
  const result = await simulate(seed, { plant: planted ?? {} });
  done += 1;
  const { user, system } = process.cpuUsage(cpu);
  const { servers } = sizeOf(seed);
  if (isOne) console.log(result.trace.join('\n'));
  const verdict =
    result.broken.length === 0 ? 'holds' : `BROKEN\n  ${result.broken.slice(0, 20).join('\n  ')}`;
  console.log(
    `seed ${seed}: ${servers} servers, ${result.events} events, ${result.messages} messages to devices, ` +
      `${Math.round((user + system) / 1000)} ms CPU, trace ${result.digest}: ${verdict}`,
  );
  if (result.broken.length > 0) failed.push(seed);
  if (done % COLLECT_EVERY === 0) heaps.push(heapAfter(collect));
}
const [heapFirst = 0, heapLast = heapFirst] = [heaps[0], heaps.at(-1)];
const hasGrown = heapLast > heapFirst + MOST_GROWTH_MIB;
console.log(
  `${done} seeds, ${failed.length} failed; heap ${heaps.length === 0 ? 'not looked at' : `${heapFirst} MiB at first, ${heapLast} MiB at last`}`,
);
if (hasGrown) console.log('MEMORY GROWS: what has ended is still held');
if (failed.length > 0)
  console.log(`Again with what happened: npm run test:simulation -- --seed ${failed[0]}`);
process.exit(failed.length > 0 || hasGrown ? 1 : 0);

function readArguments(): SimulationArguments {
  try {
    return simulationArguments(process.argv.slice(2), Object.keys(PLANTS));
  } catch (error) {
    process.stderr.write(`${(error as Error).message}\n`);
    process.exit(2);
  }
}

/** The engine's collection of everything that can be collected, which it shows only when it is asked to. */
function collector(): () => void {
  setFlagsFromString('--expose-gc');
  return runInNewContext('gc') as () => void;
}

/** MiB of the heap that are held. */
function heapAfter(collectAll: () => void): number {
  collectAll();
  return Math.round(process.memoryUsage().heapUsed / 2 ** 20);
}
