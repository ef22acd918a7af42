import { spawn, type ChildProcess } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { once } from 'node:events';

/** How long a server may take to end by itself before it is killed. */
const STOP_TIMEOUT_MS = 30_000;

const LAST_WORDS = 2_000;

export interface ServerCommand {
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly cwd?: string;
  /** File that everything it writes is added to. */
  readonly logFile: string;
  /** Processor to keep it on; undefined for any. */
  readonly processor: number | undefined;
}

/** A server program that this run started, and stops. */
export class ServerProcess {
  readonly #child: ChildProcess;
  readonly #logFile: string;

  constructor(what: ServerCommand) {
    this.#logFile = what.logFile;
    const log = openSync(what.logFile, 'a');
    const words = [what.command, ...what.args];
    if (what.processor !== undefined) words.unshift('taskset', '-c', String(what.processor));
    this.#child = spawn(words[0] ?? '', words.slice(1), {
      cwd: what.cwd,
      env: { ...process.env, ...what.env },
      stdio: ['ignore', log, log],
    });
    // A program that cannot be run shows as a server that never answers, with the reason in its log.
    this.#child.on('error', () => undefined);
    closeSync(log);
  }

  /** Its process, as long as it runs. */
  pids(): readonly number[] {
    const { pid, exitCode, signalCode } = this.#child;
    return pid === undefined || exitCode !== null || signalCode !== null ? [] : [pid];
  }

  /** The end of what it wrote. */
  lastWords(): string {
    return readFileSync(this.#logFile, 'utf8').slice(-LAST_WORDS).trim();
  }

  async stop(): Promise<void> {
    if (this.pids().length === 0) return;
    const ended = once(this.#child, 'exit');
    const timer = setTimeout(() => this.#child.kill('SIGKILL'), STOP_TIMEOUT_MS);
    this.#child.kill('SIGTERM');
    await ended;
    clearTimeout(timer);
  }
}
