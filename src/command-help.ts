/** What `--help` says, by command; by nothing, of all of them. */
export const HELP: Readonly<Record<string, string>> = {
  '': `myelin: a Matrix homeserver

  myelin serve                    run the server
  myelin init                     write a configuration file with every option explained
  myelin config check             say what is wrong with the configuration
  myelin backup FOLDER            copy everything that the server keeps
  myelin user create NAME         make an account
  myelin user password NAME       set a password
  myelin user deactivate NAME     close an account for good

Every command takes --config FILE (default: myelin.yaml, if it is there) and --help; --version alone says which version this
is. Paths, that of the data among them, are relative to the folder in which the command is started.
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

Reads the configuration and the environment and names each mistake with its line. Exit code 0 means that a server starts with
it. What will hardly be meant is named then, too, such as a certificate that expires soon.
`,
  backup: `myelin backup FOLDER [--config FILE]

Copies the database, the signing key and the media into a new folder, while the server runs or not. To go back to it, stop
the server and put the folder in the place of the data folder. With PostgreSQL, copy the database by pg_dump, and use this
for the rest; media in object storage stay there. The configuration file is yours to keep.
`,
  'user create': `myelin user create NAME [--admin] [--password PASSWORD] [--config FILE]

Makes an account. Asks for the password when it is not given; give it on standard input in scripts.
`,
  'user password': `myelin user password NAME [--password PASSWORD] [--config FILE]

Sets a password and logs out all devices of the account.
`,
  'user deactivate': `myelin user deactivate NAME [--config FILE]

Closes an account for good: it cannot log in any more and leaves its rooms. Given again, it goes on with rooms
that could not be left.
`,
};

/** Options that only some commands take, by command. */
const OWN_OPTIONS: Readonly<Record<string, readonly string[]>> = {
  serve: ['roles'],
  init: ['server-name'],
  'user create': ['admin', 'password'],
  'user password': ['password'],
};
const COMMON_OPTIONS = ['config', 'help'];

/**
 * Refuses options of other commands.
 *
 * @throws Error naming the first one and what the command takes.
 */
export function assertOwnOptions(command: string, given: readonly string[]): void {
  const taken = [...(OWN_OPTIONS[command] ?? []), ...COMMON_OPTIONS];
  const foreign = given.find((name) => !taken.includes(name));
  if (foreign === undefined) return;
  const options = taken.map((name) => `--${name}`).join(', ');
  throw new Error(`--${foreign} is no option of "myelin ${command}", which takes ${options}`);
}
