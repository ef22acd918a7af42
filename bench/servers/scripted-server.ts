import { execFileSync } from 'node:child_process';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { pin, processTree } from '../process-cpu.ts';
import { ServerProcess } from './server-process.ts';
import type { Server } from './server.ts';

interface PeerInfo {
  readonly Name: string;
  readonly Version: string;
  readonly Durability: string;
  readonly Notes: string;
  readonly Base: string;
}

/**
 * A homeserver behind a script with the subcommands `prepare` (make an empty one), `start` (become the server),
 * `info` (one JSON object), `dbsize` (bytes) and `dbpids`.
 *
 * @param command the script and its first arguments, parted by spaces.
 * @param environment variables for the script.
 * @throws Error when the script fails.
 */
export function scriptedServer(
  command: string,
  processor: number | undefined,
  environment: Readonly<Record<string, string>> = {},
): Server {
  const words = command.split(' ').filter((word) => word !== '');
  const [program = '', ...rest] = words;
  const ask = (subcommand: string) =>
    execFileSync(program, [...rest, subcommand], {
      encoding: 'utf8',
      env: { ...process.env, ...environment },
    }).trim();
  ask('prepare');
  const info = JSON.parse(ask('info')) as PeerInfo;
  const databasePids = ask('dbpids').split(/\s+/).filter(Boolean).map(Number);
  const folder = mkdtempSync(join(tmpdir(), 'bench-peer-'));
  let running: ServerProcess | undefined;
  const stop = async () => {
    await running?.stop();
    running = undefined;
  };
  return {
    name: info.Name,
    description: `${info.Version}. ${info.Durability}. ${info.Notes}`,
    baseUrl: info.Base,
    restarts: true,
    processes: () => running?.pids() ?? [],
    databaseProcesses: () => databasePids,
    start(hash) {
      if (processor !== undefined) pin(processTree(databasePids), processor);
      const env = { ...environment, HASH: hash === 'cheapest' ? 'low' : 'default' };
      const logFile = join(folder, 'server.log');
      running = new ServerProcess({ command: program, args: [...rest, 'start'], env, logFile, processor });
      return Promise.resolve();
    },
    stop,
    lastWords: () => running?.lastWords() ?? '',
    diskBytes: () => Promise.resolve(Number(ask('dbsize'))),
    async dispose() {
      await stop();
      rmSync(folder, { recursive: true });
    },
  };
}
