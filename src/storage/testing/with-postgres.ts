import { spawn } from 'node:child_process';
import pg from 'pg';
import { openDatabase } from '../open-database.ts';
import { startPostgres, type PostgresServer } from './postgres-server.ts';

/**
 * Runs a command with a PostgreSQL of its own, whose address is in MYELIN_TEST_POSTGRES. Databases for tests are copied
 * from the one called MYELIN_TEST_TEMPLATE, in which the migrations have run.
 */

const TEMPLATE = 'prepared';

const [command = '', ...args] = process.argv.slice(2);
let postgres: PostgresServer | undefined;
try {
  postgres = await startPostgres();
  await prepare(postgres);
} catch (error) {
  process.stderr.write(`\n*** NO POSTGRESQL: half of the tests is left out. ${String(error)} ***\n\n`);
  if (process.env.CI === 'true') process.exit(1);
}
const env = postgres
  ? { ...process.env, MYELIN_TEST_POSTGRES: postgres.url, MYELIN_TEST_TEMPLATE: TEMPLATE }
  : process.env;
const child = spawn(command, args, { stdio: 'inherit', env });
const code = await new Promise<number>((resolve) => {
  child.on('exit', (status) => resolve(status ?? 1));
  child.on('error', () => resolve(1));
});
await postgres?.stop();
process.exit(code);

async function prepare(server: PostgresServer): Promise<void> {
  const client = new pg.Client({ connectionString: server.url });
  await client.connect();
  await client.query(
    `CREATE DATABASE ${TEMPLATE} TEMPLATE template0 ENCODING 'UTF8' LC_COLLATE 'C' LC_CTYPE 'C'`,
  );
  await client.end();
  const url = new URL(server.url);
  url.pathname = `/${TEMPLATE}`;
  await (await openDatabase({ engine: 'postgres', url: url.href })).close();
}
