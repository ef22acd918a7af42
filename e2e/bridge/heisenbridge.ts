import { execFile, spawn, type ChildProcess } from 'node:child_process';
import { once } from 'node:events';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { pythonFor } from '../python.ts';

const run = promisify(execFile);
const PYTHON = fileURLToPath(new URL('.venv/bin/python', import.meta.url));
const START_MS = 60_000;

/** Installs the bridge on first use; says why when it cannot be had. */
export async function installHeisenbridge(): Promise<string | undefined> {
  const found = await pythonFor(new URL('.', import.meta.url), 'import heisenbridge');
  return 'missing' in found ? found.missing : undefined;
}

/** Has the bridge write its registration file, to be reached at this port. */
export async function registerHeisenbridge(file: string, port: number): Promise<void> {
  const address = ['--listen-address', '127.0.0.1', '--listen-port', String(port)];
  await run(PYTHON, ['-m', 'heisenbridge', '--config', file, ...address, '--generate']);
}

/** The bridge in a process of its own. */
export class Heisenbridge {
  readonly #child: ChildProcess;

  private constructor(child: ChildProcess) {
    this.#child = child;
  }

  /** Starts it and resolves when it says that it is ready. */
  static async start(registration: string, homeserver: string, owner: string): Promise<Heisenbridge> {
    const child = spawn(
      PYTHON,
      ['-m', 'heisenbridge', '-v', '--config', registration, '--owner', owner, homeserver],
      { stdio: ['ignore', 'pipe', 'pipe'] },
    );
    let words = '';
    await new Promise<void>((resolve, reject) => {
      const fail = (how: string) => reject(new Error(`${how}\n${words}`));
      const late = setTimeout(() => fail('The bridge does not get ready'), START_MS);
      const hear = (chunk: Buffer) => {
        words += chunk.toString();
        if (!words.includes('bridge is now running')) return;
        clearTimeout(late);
        resolve();
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
      child.once('exit', (code) => fail(`The bridge ended with ${code}`));
    });
    return new Heisenbridge(child);
  }

  async stop(): Promise<void> {
    if (this.#child.exitCode !== null) return;
    this.#child.kill('SIGTERM');
    await once(this.#child, 'exit');
  }
}
