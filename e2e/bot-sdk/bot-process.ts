import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';

const run = promisify(execFile);
const INSTALL_MS = 180_000;
const here = (name: string) => fileURLToPath(new URL(name, import.meta.url));

/** The bot's user of its namespace. */
export const PARROT = '@_bot_parrot:localhost';

/** Installs matrix-bot-sdk on first use; says why when it cannot be had. */
export async function installBotSdk(): Promise<string | undefined> {
  if (existsSync(here('node_modules/matrix-bot-sdk/package.json'))) return undefined;
  try {
    const command = ['install', '--ignore-scripts', '--no-package-lock', '--no-audit', '--no-fund'];
    await run('npm', command, { cwd: here('.'), timeout: INSTALL_MS });
    return undefined;
  } catch (error) {
    const [reason = ''] = String(error instanceof Error ? error.message : error).split('\n');
    return `matrix-bot-sdk cannot be had: ${reason}`;
  }
}

/** Writes the bot's registration file. */
export function writeRegistration(file: string, port: number): void {
  const registration = {
    id: 'parrot',
    url: `http://127.0.0.1:${port}`,
    as_token: 'token-of-the-bot',
    hs_token: 'token-of-the-homeserver',
    sender_localpart: '_bot_main',
    namespaces: { users: [{ regex: '@_bot_.*:localhost', exclusive: true }], aliases: [], rooms: [] },
    rate_limited: false,
  };
  writeFileSync(file, JSON.stringify(registration));
}

/** The bot in a process of its own. */
export class BotProcess {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts it and resolves when it takes transactions. */
  static async start(homeserver: string, registration: string, port: number, folder: string) {
    const args = [here('bot.cjs'), homeserver, registration, String(port), folder];
    const child = spawn(process.execPath, ['--no-deprecation', ...args], {
      stdio: ['ignore', 'pipe', 'inherit'],
    });
    const failed = once(child, 'exit').then(([code]) => Promise.reject(new Error(`The bot ended: ${code}`)));
    await Promise.race([once(child.stdout, 'data'), failed]);
    failed.catch(() => undefined);
    return new BotProcess(child);
  }

  /** Asks it to end, and waits until it has said what it had to say. */
  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.kill('SIGTERM');
    await once(this.#child, 'exit');
  }
}

/** IDs of the events that the bot was told of, in order. */
export function toldEvents(folder: string): string[] {
  return readFileSync(join(folder, 'told.txt'), 'utf8').trim().split('\n');
}
