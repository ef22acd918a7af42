import { spawn } from 'node:child_process';
import { chmodSync, existsSync, mkdtempSync, rmSync, statfsSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import pg from 'pg';
import { openDatabase } from '../open-database.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';

/**
 * Runs a command with a PostgreSQL of its own, whose address is in MYELIN_TEST_POSTGRES. Databases for tests are copied
 * from the one called MYELIN_TEST_TEMPLATE, in which the migrations have run; for SQLite, from the file
 * MYELIN_TEST_TEMPLATE_FILE. Temporary files of the command are in a folder
 * that is gone afterwards, in memory where there is enough: tests kill servers and never the machine, and copying some
 * hundred databases on a disk costs more than all else that the tests do with them.
 */

const TEMPLATE = 'prepared';
const MEMORY = '/dev/shm';
/** Bytes that must be free in memory. All tests together have not been seen to use a fifth of it at a time. */
const ENOUGH = 2 * 1024 ** 3;

const folder = mkdtempSync(join(hasRoom(MEMORY) ? MEMORY : tmpdir(), 'myelin-tests-'));
chmodSync(folder, 0o755);
process.env.TMPDIR = folder;
process.on('exit', () => rmSync(folder, { recursive: true, force: true }));

const templateFile = join(folder, 'prepared.db');
await (await openDatabase({ engine: 'sqlite', path: templateFile })).close();
process.env.MYELIN_TEST_TEMPLATE_FILE = templateFile;

const [command = '', ...args] = process.argv.slice(2);
let postgres: PostgresServer | undefined;
let strategy = '';
try {
  postgres = await startPostgres();
  strategy = await prepare(postgres);
} catch (error) {
  process.stderr.write(`\n*** NO POSTGRESQL: half of the tests is left out. ${String(error)} ***\n\n`);
  if (process.env.CI === 'true') process.exit(1);
}
const env = postgres
  ? {
      ...process.env,
      MYELIN_TEST_POSTGRES: postgres.url,
      MYELIN_TEST_TEMPLATE: TEMPLATE,
      MYELIN_TEST_STRATEGY: strategy,
    }
  : process.env;
const child = spawn(command, args, { stdio: 'inherit', env });
// What is told to end lets the command end, and cleans up.
for (const signal of ['SIGINT', 'SIGTERM'] as const) process.on(signal, () => child.kill(signal));
const code = await new Promise<number>((resolve) => {
  child.on('exit', (status) => resolve(status ?? 1));
  child.on('error', () => resolve(1));
});
await postgres?.stop();
process.exit(code);

function hasRoom(path: string): boolean {
  if (!existsSync(path)) return false;
  const { bavail, bsize } = statfsSync(path);
  return bavail * bsize >= ENOUGH;
}

/** Makes the database to copy from. Gives the words by which copying is cheapest: PostgreSQL has had them since version 15. */
async function prepare(server: PostgresServer): Promise<string> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query(
    `CREATE DATABASE ${TEMPLATE} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'`,
  );
  const { rows } = await client.query<{ number: number }>(
    `SELECT current_setting('server_version_num')::int AS number`,
  );
  await client.end();
  const url = new URL(server.url);
  url.pathname = `/${TEMPLATE}`;
  await (await openDatabase({ engine: 'postgres', url: url.href })).close();
  return (rows[0]?.number ?? 0) >= 150_000 ? 'STRATEGY file_copy' : '';
}
