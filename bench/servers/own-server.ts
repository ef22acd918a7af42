import { once } from 'node:events';
import { lstatSync, mkdtempSync, readdirSync, rmSync } from 'node:fs';
import { createServer, type AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { fileURLToPath } from 'node:url';
import { Client } from 'pg';
import { parentOf, pin, processTree } from '../process-cpu.ts';
import { ServerProcess } from './server-process.ts';
import type { PasswordHash, Server } from './server.ts';

const MAIN = fileURLToPath(new URL('../../bin/myelin-server.js', import.meta.url));

/** As bin/myelin.js starts it, so that the figures are those of `npm start`. */
const NODE_FLAGS = ['--disable-warning=ExperimentalWarning'];

/** The smallest that Argon2id allows. */
const CHEAPEST_HASH = { MYELIN_PASSWORDS_MEMORY_KIB: '8', MYELIN_PASSWORDS_ITERATIONS: '1' };

export type Engine = { readonly name: 'sqlite' } | { readonly name: 'postgres'; readonly url: string };

/**
 * This project's server, in a process of its own, with everything at its default but the rate limits, which are off.
 *
 * With SQLite it keeps everything in a temporary folder. On PostgreSQL the database must exist and be empty.
 *
 * @param settings environment variables that go before those that it is given otherwise.
 */
export async function ownServer(
  engine: Engine,
  processor: number | undefined,
  settings: Readonly<Record<string, string>> = {},
): Promise<Server> {
  const folder = mkdtempSync(join(tmpdir(), 'bench-myelin-'));
  const port = await freePort();
  const databasePids = engine.name === 'postgres' ? await postmaster(engine.url) : [];
  let running: ServerProcess | undefined;
  const stop = async () => {
    await running?.stop();
    running = undefined;
  };
  return {
    name: 'myelin',
    description: `Node ${process.version}, ${engine.name}, one process`,
    baseUrl: `http://127.0.0.1:${port}`,
    restarts: true,
    processes: () => running?.pids() ?? [],
    databaseProcesses: () => databasePids,
    start(hash) {
      if (processor !== undefined) pin(processTree(databasePids), processor);
      running = new ServerProcess({
        command: process.execPath,
        args: [...NODE_FLAGS, MAIN, 'serve'],
        env: { ...environment(engine, folder, port, hash), ...settings },
        cwd: folder,
        logFile: join(folder, 'server.log'),
        processor,
      });
      return Promise.resolve();
    },
    stop,
    lastWords: () => running?.lastWords() ?? '',
    diskBytes: () =>
      engine.name === 'postgres'
        ? databaseBytes(engine.url)
        : Promise.resolve(folderBytes(join(folder, 'data'))),
    async dispose() {
      await stop();
      rmSync(folder, { recursive: true });
    },
  };
}

function environment(
  engine: Engine,
  folder: string,
  port: number,
  hash: PasswordHash,
): Record<string, string> {
  return {
    MYELIN_SERVER_NAME: 'localhost',
    MYELIN_DATA_DIR: join(folder, 'data'),
    MYELIN_LISTEN_HOST: '127.0.0.1',
    MYELIN_LISTEN_PORT: String(port),
    MYELIN_LIMITS_ENABLED: 'false',
    MYELIN_LOG_LEVEL: 'warn',
    MYELIN_DATABASE_ENGINE: engine.name,
    ...(engine.name === 'postgres' ? { MYELIN_DATABASE_URL: engine.url } : {}),
    ...(hash === 'cheapest' ? CHEAPEST_HASH : {}),
  };
}

/** A port of this machine that nobody uses now. */
export async function freePort(): Promise<number> {
  const probe = createServer().listen(0, '127.0.0.1');
  await once(probe, 'listening');
  const { port } = probe.address() as AddressInfo;
  probe.close();
  await once(probe, 'close');
  return port;
}

/**
 * Blocks in use, but for the write-ahead log, which has a size of its own: what is in it is written back into the
 * database first.
 */
function folderBytes(folder: string): number {
  const connection = new DatabaseSync(join(folder, 'myelin.db'));
  connection.exec('PRAGMA wal_checkpoint(PASSIVE)');
  connection.close();
  return readdirSync(folder, { recursive: true, encoding: 'utf8' })
    .filter((name) => !/-(wal|shm)$/.test(name))
    .map((name) => lstatSync(join(folder, name)))
    .reduce((sum, file) => sum + (file.isFile() ? file.blocks * 512 : 0), 0);
}

async function queryNumber(url: string, sql: string): Promise<number> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ value: string }>(sql);
    return Number(rows[0]?.value);
  } finally {
    await client.end();
  }
}

function databaseBytes(url: string): Promise<number> {
  return queryNumber(url, 'SELECT pg_database_size(current_database()) AS value');
}

/** PostgreSQL's first process, when it runs on this machine: the parent of any connection's. */
async function postmaster(url: string): Promise<readonly number[]> {
  const client = new Client({ connectionString: url });
  await client.connect();
  try {
    const { rows } = await client.query<{ pid: number }>('SELECT pg_backend_pid() AS pid');
    const parent = parentOf(rows[0]?.pid ?? 0, 'postgres');
    return parent === undefined ? [] : [parent];
  } finally {
    await client.end();
  }
}
