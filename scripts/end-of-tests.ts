import { isMainThread } from 'node:worker_threads';

/**
 * Loaded into each test process (`--import`): once all of its tests have ended, the process must end, too. What a
 * test left open (a timer, a socket) would keep it for ever, and the whole run with it, so it is ended as a failure that names
 * what is open. By then each result has been told; `--test-force-exit` ends a process before.
 */

/** How long a process may close what its tests used, in milliseconds: much longer than any needs on a busy machine. */
const LONGEST_MS = Number(process.env.MYELIN_TEST_CLOSING_MS ?? 60_000);

// The runner itself loads this as well, and so does each thread, which a server begins with: they have no tests of their own.
if (process.env.NODE_TEST_CONTEXT !== undefined && isMainThread) {
  const { after, beforeEach } = await import('node:test');
  let timer: NodeJS.Timeout | undefined;
  beforeEach(() => clearTimeout(timer));
  after(() => {
    timer = setTimeout(() => {
      const open = process.getActiveResourcesInfo().join(', ');
      console.error(
        `All tests of ${process.argv[1]} have ended, but the process does not. Open are: ${open}`,
      );
      process.exit(1);
    }, LONGEST_MS).unref();
  });
}
