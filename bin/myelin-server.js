import { mkdirSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import { setFlagsFromString } from 'node:v8';
import { packedProgram } from './packed-program.js';

/** Starts Myelin in this process, packed: that saves time and memory. */

const root = join(import.meta.dirname, '..');
const cache = join(root, 'node_modules', '.cache', 'myelin');
try {
  mkdirSync(cache, { recursive: true });
} catch {
  // Then nothing is packed: everything works without.
}
const file = await packedProgram(root, cache);

/**
 * How the engine is to use memory. Room for what is new, 16 MiB, so that most of it is gone before anybody looks. The rest of the
 * heap may grow to 48 MiB, and from there by so many percent, before it is looked through: the engine would begin with far less,
 * and look through it again and again in the first minutes, and later let it grow to four times what is in use.
 * Nothing is optimized before there is work (`src/platform/late-optimization.ts`).
 */
const ENGINE = [
  '--max-semi-space-size=16',
  '--heap-growing-percent=20',
  '--initial-old-space-size=48',
  '--turbo-filter=~',
  '--maglev-filter=~',
];

if (process.platform === 'win32' || process.execve === undefined) {
  setFlagsFromString(ENGINE.join(' '));
  await import(pathToFileURL(file).href);
} else {
  const flags = [...ENGINE, ...process.execArgv];
  // Some of what saves memory is read only when a process starts, and packing took memory of its own: the process starts
  // again in its own place. The system's allocator would keep a pool for each thread; two cost nothing that can be
  // measured and save some 25 MB. It would keep ever more of what is freed, as much as the largest piece it ever had: with
  // a limit of its own it goes on giving back what is above 128 kB. Pieces of 32 kB, of which the engine's compilers take
  // many for a moment, are mapped one by one: they would leave holes of 10 to 20 MB that nobody fills.
  process.execve(process.execPath, [process.execPath, ...flags, file, ...process.argv.slice(2)], {
    MALLOC_ARENA_MAX: '2',
    MALLOC_TRIM_THRESHOLD_: '131072',
    MALLOC_MMAP_THRESHOLD_: '32768',
    ...process.env,
  });
}
