import { enableCompileCache } from 'node:module';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** Starts Myelin in this process, with what was compiled at earlier starts: that saves time and memory. */

const root = join(dirname(fileURLToPath(import.meta.url)), '..');
const cache = join(root, 'node_modules', '.cache', 'myelin');
enableCompileCache(cache);
// Threads look for it here.
process.env.NODE_COMPILE_CACHE ??= cache;
await import('../src/main.ts');
