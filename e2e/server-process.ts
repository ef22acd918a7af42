import { spawn, type ChildProcess } from 'node:child_process';
import { fileURLToPath } from 'node:url';

const MAIN = fileURLToPath(new URL('../bin/myelin-server.js', import.meta.url));

/** Settings that make tests fast: any free port, no rate limits, cheap password hashes, a quiet log. */
const FAST = {
  MYELIN_LISTEN_HOST: '127.0.0.1',
  MYELIN_LISTEN_PORT: '0',
  MYELIN_LIMITS_ENABLED: 'false',
  MYELIN_PASSWORDS_MEMORY_KIB: '8',
  MYELIN_PASSWORDS_ITERATIONS: '1',
  MYELIN_LOG_LEVEL: 'warn',
};

const LAST_WORDS_CHARACTERS = 8_000;

/** The server in a process of its own, as somebody would start it, so that it can be killed. */
export class ServerProcess {
  readonly url: string;
  readonly #child: ChildProcess;
  readonly #ended: Promise<string>;

  private constructor(child: ChildProcess, ended: Promise<string>, url: string) {
    this.#child = child;
    this.#ended = ended;
    this.url = url;
  }

  /**
   * Starts `myelin serve` and resolves when it says where it answers.
   *
   * @throws Error with what the server wrote last, when it ends before that.
   */
  static async start(env: Readonly<Record<string, string>>): Promise<ServerProcess> {
    const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, 'serve'], {
      env: { ...process.env, ...FAST, ...env },
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    let words = '';
    const ended = new Promise<string>((resolve) => {
      child.once('exit', (code, signal) => resolve(`The server ended: ${signal ?? code}\n${words}`));
    });
    const url = new Promise<string>((resolve) => {
      const hear = (chunk: Buffer) => {
        const text = chunk.toString();
        if (text.includes('"level":50')) process.stderr.write(text);
        words = (words + text).slice(-LAST_WORDS_CHARACTERS);
        const address = /Myelin answers as \S+ on (\S+)/.exec(words)?.[1];
        if (address !== undefined) resolve(address.replace('localhost', '127.0.0.1'));
      };
      child.stdout.on('data', hear);
      child.stderr.on('data', hear);
    });
    const failed = ended.then((how) => Promise.reject(new Error(how)));
    return new ServerProcess(child, ended, await Promise.race([url, failed]));
  }

  /** Asks it to end, as a service manager does; throws when it ends with anything but success. */
  async stop(): Promise<void> {
    this.#child.kill('SIGTERM');
    const how = await this.#ended;
    if (this.#child.exitCode !== 0) throw new Error(how);
  }

  /** Kills it on the spot: it can finish nothing. */
  async kill(): Promise<void> {
    this.#child.kill('SIGKILL');
    await this.#ended;
  }
}
