import type { Server } from './server.ts';

/** A homeserver that somebody else started and will stop: no memory or disk figures without its processes. */
export function runningServer(
  baseUrl: string,
  pids: readonly number[],
  databasePids: readonly number[],
): Server {
  return {
    name: 'server',
    description: `a running server at ${baseUrl}`,
    baseUrl,
    restarts: false,
    processes: () => pids,
    databaseProcesses: () => databasePids,
    start: () => Promise.resolve(),
    stop: () => Promise.resolve(),
    lastWords: () => '',
    diskBytes: () => Promise.resolve(undefined),
    dispose: () => Promise.resolve(),
  };
}
