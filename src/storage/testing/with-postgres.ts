import { spawn } from 'node:child_process';
import { startPostgres, type PostgresServer } from './postgres-server.ts';

/** Runs a command with a PostgreSQL of its own, whose address is in MYELIN_TEST_POSTGRES. */

const [command = '', ...args] = process.argv.slice(2);
let postgres: PostgresServer | undefined;
try {
  postgres = await startPostgres();
} catch (error) {
  process.stderr.write(`\n*** NO POSTGRESQL: half of the tests is left out. ${String(error)} ***\n\n`);
  if (process.env.CI === 'true') process.exit(1);
}
const env = postgres ? { ...process.env, MYELIN_TEST_POSTGRES: postgres.url } : process.env;
const child = spawn(command, args, { stdio: 'inherit', env });
const code = await new Promise<number>((resolve) => {
  child.on('exit', (status) => resolve(status ?? 1));
  child.on('error', () => resolve(1));
});
await postgres?.stop();
process.exit(code);
