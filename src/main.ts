import { existsSync, writeFileSync } from 'node:fs';
import { parseArgs } from 'node:util';
import { createFoundations } from './foundations.ts';
import { askPassword } from './platform/ask-password.ts';
import { sampleConfiguration } from './platform/config/document-config.ts';
import { ConfigError, loadConfig, strangeVariables } from './platform/config/load-config.ts';
import type { Config } from './platform/config/schema.ts';
import { collector, releaseMemoryWhenIdle } from './platform/idle-memory.ts';
import { optimizeWhenBusy } from './platform/late-optimization.ts';
import { systemTimers } from './platform/timers.ts';
import { userId as parseUserId } from './protocol/identifiers.ts';
import { MatrixError } from './protocol/matrix-error.ts';
import { startServer } from './server.ts';
import { createServices, databaseLocation, type Services } from './services.ts';
import { openDatabase } from './storage/open-database.ts';

const HELP: Readonly<Record<string, string>> = {
  '': `myelin: a Matrix homeserver

  myelin serve                    run the server
  myelin init                     write a configuration file with every option explained
  myelin config check             say what is wrong with the configuration
  myelin user create NAME         make an account
  myelin user password NAME       set a password
  myelin user deactivate NAME     close an account for good

Every command takes --config FILE (default: myelin.yaml, if it is there) and --help.
`,
  serve: `myelin serve [--config FILE] [--roles ROLES]

Runs the server until SIGTERM or SIGINT. Without a configuration file it listens on http://localhost:8008 and keeps
everything in ./data. ROLES says what this process answers, with commas between: client, federation, identity. The
default, client,federation, is a homeserver; identity alone is an identity server.
`,
  init: `myelin init [--config FILE] [--server-name NAME]

Writes a configuration file (default: myelin.yaml) with every option at its default. Never overwrites one.
`,
  'config check': `myelin config check [--config FILE]

Reads the configuration and the environment and names each mistake with its line. Exit code 0 means all is well.
`,
  'user create': `myelin user create NAME [--admin] [--password PASSWORD] [--config FILE]

Makes an account. Asks for the password when it is not given; give it on standard input in scripts.
`,
  'user password': `myelin user password NAME [--password PASSWORD] [--config FILE]

Sets a password and logs out all devices of the account.
`,
  'user deactivate': `myelin user deactivate NAME [--config FILE]

Closes an account for good: it cannot log in any more and leaves its rooms.
`,
};

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
  'user create': (args) => withUser(args, createUser),
  'user password': (args) => withUser(args, setPassword),
  'user deactivate': (args) => withUser(args, deactivate),
};

// Messages, keys and passwords are in what is written: for nobody else on the machine.
process.umask(0o077);
await run(process.argv.slice(2));

async function run(argv: readonly string[]): Promise<void> {
  try {
    const { positionals, values } = parseArgs({
      args: [...argv],
      allowPositionals: true,
      options: {
        config: { type: 'string' },
        help: { type: 'boolean', short: 'h' },
        'server-name': { type: 'string' },
        roles: { type: 'string' },
        password: { type: 'string' },
        admin: { type: 'boolean' },
      },
    });
    const twoWords = positionals.slice(0, 2).join(' ');
    const command = Object.hasOwn(COMMANDS, twoWords) ? twoWords : (positionals[0] ?? '');
    const handler = COMMANDS[command];
    if (values.help === true || !handler) {
      const isAsked = values.help === true || positionals.length === 0;
      if (!isAsked) process.stderr.write(`There is no command "${positionals.join(' ')}"\n\n`);
      process.stdout.write(HELP[handler ? command : ''] ?? '');
      process.exitCode = isAsked ? 0 : 2;
      return;
    }
    const rest = positionals.slice(command.split(' ').length);
    const surplus = command.startsWith('user ') ? rest[1] : rest[0];
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
  return loadConfig({
    file,
    env: roles === undefined ? process.env : { ...process.env, MYELIN_ROLES: roles },
  });
}

async function serve(args: Arguments): Promise<void> {
  const config = configOf(args);
  const server = await startServer(config);
  const shown =
    config.public_base_url === '' ? server.url.replace('127.0.0.1', 'localhost') : config.public_base_url;
  const isHomeserver = config.roles.some((role) => role !== 'identity');
  process.stderr.write(
    `Myelin answers as ${config.server_name} on ${shown}\n` +
      `  roles:          ${config.roles.join(', ')}\n` +
      (isHomeserver ? `  first account:  npx myelin user create alice --admin\n` : '') +
      `  configuration:  ${args.config ?? (existsSync(DEFAULT_FILE) ? DEFAULT_FILE : 'none needed; "npx myelin init" writes one')}\n` +
      `  data:           ${config.data_dir}\n`,
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

function init(args: Arguments): void {
  const file = args.config ?? DEFAULT_FILE;
  if (existsSync(file)) throw new Error(`${file} is there already and stays as it is`);
  writeFileSync(file, sampleConfiguration(args.serverName ?? 'localhost'), { flag: 'wx' });
  process.stdout.write(
    `Wrote ${file}. Set server_name before the first start: it cannot be changed later.\n`,
  );
}

function checkConfig(args: Arguments): void {
  configOf(args);
  for (const line of strangeVariables(process.env)) process.stderr.write(`${line}\n`);
  process.stdout.write('The configuration is right.\n');
}

async function withUser(
  args: Arguments,
  act: (services: Services, args: Arguments, name: string) => Promise<void>,
) {
  if (args.name === undefined) throw new Error('Name the user: a name such as "alice", or a whole user ID');
  const config = configOf(args);
  const database = await openDatabase(databaseLocation(config));
  try {
    const foundations = await createFoundations(config, database);
    const services = await createServices(config, database, foundations);
    try {
      await act(services, args, args.name);
    } finally {
      services.notifier.close();
    }
  } finally {
    await database.close();
  }
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
  await services.accounts.deactivate(userId);
  process.stdout.write(`Closed the account ${userId}.\n`);
}

async function passwordOf(args: Arguments): Promise<string> {
  return args.password ?? askPassword(process.stdin, process.stderr);
}
