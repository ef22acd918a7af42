import { spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';

const START_MS = 60_000;

/** The localpart and the tokens of the bridge's registration. */
const SENDER = 'ircbot';
const TOKENS = { as_token: 'token-of-the-bridge', hs_token: 'token-of-the-homeserver' };

/** Where matrix-appservice-irc is, as `MYELIN_TEST_APPSERVICE_IRC` says; or why it is not at hand. */
export function findAppserviceIrc(): { folder: string } | { missing: string } {
  const folder = process.env.MYELIN_TEST_APPSERVICE_IRC;
  if (folder === undefined) {
    return { missing: 'MYELIN_TEST_APPSERVICE_IRC names no folder that holds a built matrix-appservice-irc' };
  }
  if (!existsSync(join(folder, 'app.js'))) return { missing: `There is no app.js in ${folder}` };
  return { folder };
}

/** What the bridge has to know. */
export interface BridgeSetting {
  /** Where it is installed. */
  readonly folder: string;
  /** Where its files go. */
  readonly dataDir: string;
  readonly homeserver: string;
  /** The port that the homeserver reaches it on. */
  readonly port: number;
  readonly ircPort: number;
  /** A PostgreSQL database of its own. */
  readonly database: string;
}

/** Writes the registration file that the homeserver reads; gives its name. */
export function writeRegistration({ dataDir, port }: BridgeSetting): string {
  const file = join(dataDir, 'appservice-irc-registration.yaml');
  const registration = {
    id: 'irc',
    url: `http://127.0.0.1:${port}`,
    ...TOKENS,
    sender_localpart: SENDER,
    rate_limited: false,
    protocols: ['irc'],
    namespaces: {
      users: [{ regex: '@irc_.*:localhost', exclusive: true }],
      aliases: [{ regex: '#irc_.*:localhost', exclusive: true }],
      rooms: [],
    },
  };
  writeFileSync(file, JSON.stringify(registration));
  return file;
}

function writeConfiguration(setting: BridgeSetting): string {
  const file = join(setting.dataDir, 'appservice-irc.yaml');
  const network = {
    name: 'Test',
    port: setting.ircPort,
    ssl: false,
    botConfig: { enabled: true, nick: 'relay', username: 'relay' },
    dynamicChannels: { enabled: true, aliasTemplate: '#irc_$CHANNEL', joinRule: 'public' },
    matrixClients: { userTemplate: '@irc_$NICK', displayName: '$NICK' },
    ircClients: { nickTemplate: '$LOCALPART', reconnectIntervalMs: 1_000 },
    membershipLists: {
      enabled: true,
      floodDelayMs: 0,
      global: {
        ircToMatrix: { initial: true, incremental: true },
        matrixToIrc: { initial: true, incremental: true },
      },
    },
  };
  const configuration = {
    homeserver: { url: setting.homeserver, domain: 'localhost', bindHostname: '127.0.0.1' },
    database: { engine: 'postgres', connectionString: setting.database },
    ircService: {
      servers: { '127.0.0.1': network },
      logging: { level: 'info', toConsole: true },
    },
  };
  writeFileSync(file, JSON.stringify(configuration));
  return file;
}

/** The bridge in a process of its own. */
export class AppserviceIrc {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /**
   * Starts it and resolves when it says that it is ready.
   *
   * @throws Error with what it wrote, when it ends before that or takes too long.
   */
  static async start(setting: BridgeSetting): Promise<AppserviceIrc> {
    const files = ['-c', writeConfiguration(setting), '-f', writeRegistration(setting)];
    const args = ['--no-deprecation', join(setting.folder, 'app.js'), ...files, '-p', String(setting.port)];
    const child = spawn(process.execPath, args, {
      cwd: setting.dataDir,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let words = '';
    await new Promise<void>((resolve, reject) => {
      const fail = (how: string) => reject(new Error(`${how}\n${words}`));
      const late = setTimeout(() => {
        child.kill('SIGKILL');
        fail('The bridge does not get ready');
      }, START_MS);
      const hear = (chunk: Buffer) => {
        words += chunk.toString();
        if (!words.includes('Startup complete.')) return;
        clearTimeout(late);
        resolve();
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.once('exit', (code) => fail(`The bridge ended with ${code}`));
    });
    return new AppserviceIrc(child);
  }

  /** Kills it on the spot: it can finish nothing. */
  async kill(): Promise<void> {
    if (this.#child.exitCode !== null || this.#child.signalCode !== null) return;
    this.#child.kill('SIGKILL');
    await once(this.#child, 'exit');
  }
}
