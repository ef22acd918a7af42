import { enableCompileCache } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Starts Myelin in this process, with what was compiled at earlier starts: that saves time and memory. */

// The system's allocator would keep a pool for each thread; that it reads this only at the start of a process is why the
// process starts again in its own place. Two pools cost nothing that can be measured and save some 25 MB.
if (
  process.platform === 'linux' &&
  process.env.MALLOC_ARENA_MAX === undefined &&
  process.execve !== undefined
)
  process.execve(process.execPath, [process.execPath, ...process.execArgv, ...process.argv.slice(1)], {
    ...process.env,
    MALLOC_ARENA_MAX: '2',
  });

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const cache = join(root, 'node_modules', '.cache', 'myelin');
enableCompileCache(cache);
// Threads look for it here.
process.env.NODE_COMPILE_CACHE ??= cache;
await import('../src/main.ts');
