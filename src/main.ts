import { existsSync, writeFileSync } from 'node:fs';
import { dirname, resolve } from 'node:path';
import manifest from '../package.json' with { type: 'json' };
import { backUp } from './backup.ts';
import { assertOwnOptions, HELP } from './command-help.ts';
import { commandIn, parseCommandLine } from './command-line.ts';
import { configWarnings } from './config-warnings.ts';
import { createFoundations } from './foundations.ts';
import { askPassword } from './platform/ask-password.ts';
import { systemClock } from './platform/clock.ts';
import { sampleConfiguration } from './platform/config/document-config.ts';
import { FORMS } from './platform/config/forms.ts';
import { ConfigError, loadConfig, strangeVariables } from './platform/config/load-config.ts';
import type { Config } from './platform/config/schema.ts';
import { collector, releaseMemoryWhenIdle } from './platform/idle-memory.ts';
import { optimizeWhenBusy } from './platform/late-optimization.ts';
import { systemTimers } from './platform/timers.ts';
import { userId as parseUserId } from './protocol/identifiers.ts';
import { MatrixError } from './protocol/matrix-error.ts';
import { startServer } from './server.ts';
import { createServices, databaseLocation, type Services } from './services.ts';
import { assertFilesUsable, openConfiguredDatabase } from './usable-files.ts';

const DEFAULT_FILE = 'myelin.yaml';

interface Arguments {
  readonly name: string | undefined;
  readonly config: string | undefined;
  readonly serverName: string | undefined;
  readonly roles: string | undefined;
  readonly password: string | undefined;
  readonly admin: boolean;
}

const COMMANDS: Readonly<Record<string, (args: Arguments) => Promise<void> | void>> = {
  serve,
  init,
  'config check': checkConfig,
  backup,
  'user create': (args) => withUser(args, createUser, 'nothing'),
  'user password': (args) => withUser(args, setPassword, 'database'),
  'user deactivate': (args) => withUser(args, deactivate, 'database'),
};

/** Commands that are given a name. */
const TAKES_NAME = /^(user .*|backup)$/;

// Messages, keys and passwords are in what is written: for nobody else on the machine.
process.umask(0o077);
void run(process.argv.slice(2));

async function run(argv: readonly string[]): Promise<void> {
  try {
    const { positionals, values } = parseCommandLine(argv);
    if (values.version === true && positionals.length === 0) {
      process.stdout.write(`myelin ${manifest.version}\n`);
      return;
    }
    const command = commandIn(positionals);
    const handler = COMMANDS[command];
    if (values.help === true || !handler) {
      const isAsked = values.help === true || positionals.length === 0;
      if (!isAsked) process.stderr.write(`There is no command "${positionals.join(' ')}"\n\n`);
      process.stdout.write(HELP[command] ?? '');
      process.exitCode = isAsked ? 0 : 2;
      return;
    }
    assertOwnOptions(command, Object.keys(values));
    const rest = positionals.slice(command.split(' ').length);
    const surplus = TAKES_NAME.test(command) ? rest[1] : rest[0];
    if (surplus !== undefined) {
      throw new Error(
        `"${surplus}" is too much here; see "myelin ${command} --help". A file is named by --config`,
      );
    }
    await handler({
      name: rest[0],
      config: values.config,
      serverName: values['server-name'],
      roles: values.roles,
      password: values.password,
      admin: values.admin ?? false,
    });
  } catch (error) {
    process.stderr.write(`${describe(error)}\n`);
    process.exitCode = 1;
  }
}

function describe(error: unknown): string {
  if (error instanceof ConfigError || error instanceof MatrixError) return error.message;
  return error instanceof Error ? error.message : String(error);
}

function configOf(args: Arguments): Config {
  const file = args.config ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : undefined);
  const { roles } = args;
  if (roles === undefined) return loadConfig({ file, env: process.env });
  return loadConfig({
    file,
    env: { ...process.env, MYELIN_ROLES: roles },
    names: { MYELIN_ROLES: '--roles' },
  });
}

async function serve(args: Arguments): Promise<void> {
  const config = configOf(args);
  tellStrangeVariables();
  const server = await startServer(config);
  tellWarnings(config);
  const shown =
    config.public_base_url === '' ? server.url.replace('127.0.0.1', 'localhost') : config.public_base_url;
  const isHomeserver = config.roles.some((role) => role !== 'identity');
  const needsAccount = isHomeserver && (await server.services.newAccounts.isFirst());
  process.stderr.write(
    `Myelin answers as ${config.server_name} on ${shown}\n` +
      `  roles:          ${config.roles.join(', ')}\n` +
      (needsAccount ? `  first account:  npx myelin user create alice --admin${namedAgain(args)}\n` : '') +
      `  configuration:  ${args.config ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : 'none needed; "npx myelin init" writes one')}\n` +
      `  data:           ${resolve(config.data_dir)}\n`,
  );
  const collect = collector();
  releaseMemoryWhenIdle(systemTimers, () => {
    server.releaseMemory();
    collect();
  });
  optimizeWhenBusy(systemTimers);
  process.on('SIGHUP', () => server.reloadCertificate());
  let closing: Promise<void> | undefined;
  for (const signal of ['SIGTERM', 'SIGINT'] as const) {
    process.on(signal, () => {
      closing ??= server.close().then(() => process.exit(0));
    });
  }
}

/** Without the same file, other commands would look into another data folder. */
function namedAgain({ config }: Arguments): string {
  if (config === undefined) return '';
  return ` --config ${/^[\w./-]+$/.test(config) ? config : `'${config.replaceAll("'", `'\\''`)}'`}`;
}

function init(args: Arguments): void {
  const file = args.config ?? DEFAULT_FILE;
  if (existsSync(file)) throw new Error(`${file} is there already and stays as it is`);
  const { serverName = 'localhost' } = args;
  const form = FORMS['server name of users'];
  if (!form.fits(serverName)) throw new Error(`--server-name must be ${form.words}, not "${serverName}"`);
  const folder = dirname(resolve(file));
  if (!existsSync(folder)) throw new Error(`--config: there is no folder ${folder} to write ${file} into`);
  try {
    writeFileSync(file, sampleConfiguration(serverName), { flag: 'wx' });
  } catch (error) {
    throw new Error(`--config: ${file} cannot be written: ${describe(error)}`, { cause: error });
  }
  process.stdout.write(
    `Wrote ${file}. Set server_name before the first start: it cannot be changed later.\n`,
  );
}

function checkConfig(args: Arguments): void {
  const config = configOf(args);
  assertFilesUsable(config);
  tellStrangeVariables();
  tellWarnings(config);
  process.stdout.write('The configuration is right.\n');
}

async function backup(args: Arguments): Promise<void> {
  if (args.name === undefined)
    throw new Error('Name the folder that the backup is to be: one that is not there yet');
  const { media, missing } = await backUp(configOf(args), args.name);
  process.stdout.write(`Wrote ${resolve(args.name)}, with ${media} files of media.\n`);
  for (const what of missing) process.stdout.write(`Not in it: ${what}.\n`);
}

function tellStrangeVariables(): void {
  for (const line of strangeVariables(process.env)) process.stderr.write(`${line}\n`);
}

function tellWarnings(config: Config): void {
  for (const line of configWarnings(config, systemClock.now())) process.stderr.write(`${line}\n`);
}

async function withUser(
  args: Arguments,
  act: (services: Services, args: Arguments, name: string) => Promise<void>,
  needs: 'nothing' | 'database',
) {
  if (args.name === undefined) throw new Error('Name the user: a name such as "alice", or a whole user ID');
  const config = configOf(args);
  assertFilesUsable(config);
  if (needs === 'database') assertDatabaseThere(config);
  const database = await openConfiguredDatabase(config);
  try {
    const foundations = await createFoundations(config, database);
    const services = await createServices(config, database, foundations);
    try {
      await act(services, args, args.name);
      process.stdout.write(`The data is in ${resolve(config.data_dir)}\n`);
    } finally {
      services.notifier.close();
    }
  } finally {
    await database.close();
  }
}

/** In the wrong folder, nobody is to get a new server in which the user is not. */
function assertDatabaseThere(config: Config): void {
  const location = databaseLocation(config);
  if (location.engine === 'postgres' || existsSync(location.path)) return;
  throw new Error(
    `There is no database at ${resolve(location.path)}: run this in the folder of the server, or name its configuration by --config`,
  );
}

async function createUser(services: Services, args: Arguments, name: string): Promise<void> {
  const userId = await services.newAccounts.createUser(name, await passwordOf(args), args.admin);
  process.stdout.write(`Made the account ${userId}${args.admin ? ', an administrator' : ''}.\n`);
}

async function setPassword(services: Services, args: Arguments, name: string): Promise<void> {
  const userId = services.newAccounts.userIdOf(name);
  await services.accounts.setPassword(userId, await passwordOf(args), undefined);
  process.stdout.write(
    `Set the password of ${userId} and logged out its devices (a running server notices within a minute).\n`,
  );
}

async function deactivate(services: Services, _args: Arguments, name: string): Promise<void> {
  const userId = name.startsWith('@') ? parseUserId(name) : services.newAccounts.userIdOf(name);
  if (!(await services.accounts.deactivate(userId))) {
    throw new Error(
      `Closed the account ${userId}, but it could not leave all of its rooms: a server that runs goes on with that within a ` +
        `minute, and so does this command when it is given again.`,
    );
  }
  process.stdout.write(`Closed the account ${userId}.\n`);
}

async function passwordOf(args: Arguments): Promise<string> {
  return args.password ?? askPassword(process.stdin, process.stderr);
}
