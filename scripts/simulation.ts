import { parseArgs } from 'node:util';
import { PLANTS } from '../src/testing/simulation/plants.ts';
import { simulate, sizeOf } from '../src/testing/simulation/run.ts';

/**
 * Simulates federations: `--seeds N` runs N of them, from `--from` on; `--seed N` runs one and prints what happened;
 * `--plant NAME` puts a bug into the servers that must be found.
 */
const { values } = parseArgs({
  options: {
    seeds: { type: 'string', default: '20' },
    from: { type: 'string', default: '1' },
    seed: { type: 'string' },
    plant: { type: 'string' },
    minutes: { type: 'string' },
  },
});
const plant = values.plant === undefined ? {} : PLANTS[values.plant];
if (!plant) throw new Error(`There is no such plant; there are ${Object.keys(PLANTS).join(', ')}`);
const first = Number(values.seed ?? values.from);
const count = values.seed === undefined ? Number(values.seeds) : 1;
const begun = performance.now();
const failed: number[] = [];
let done = 0;
for (let seed = first; seed < first + count; seed++) {
  if (values.minutes !== undefined && performance.now() - begun > Number(values.minutes) * 60_000) break;
  const cpu = process.cpuUsage();
  const result = await simulate(seed, { plant });
  done += 1;
  const { user, system } = process.cpuUsage(cpu);
  const { servers } = sizeOf(seed);
  if (values.seed !== undefined) console.log(result.trace.join('\n'));
  const verdict =
    result.broken.length === 0 ? 'holds' : `BROKEN\n  ${result.broken.slice(0, 20).join('\n  ')}`;
  console.log(
    `seed ${seed}: ${servers} servers, ${result.events} events, ${result.messages} messages to devices, ` +
      `${Math.round((user + system) / 1000)} ms CPU, trace ${result.digest}: ${verdict}`,
  );
  if (result.broken.length > 0) failed.push(seed);
}
const megabytes = Math.round(process.memoryUsage().rss / 2 ** 20);
console.log(`${done} seeds, ${failed.length} failed, ${megabytes} MiB`);
if (failed.length > 0)
  console.log(`Again with what happened: npm run test:simulation -- --seed ${failed[0]}`);
process.exit(failed.length > 0 ? 1 : 0);
