import { spawn, type ChildProcess } from 'node:child_process';
import { setTimeout as pause } from 'node:timers/promises';
import { createWriteStream, rmSync } from 'node:fs';
import { join } from 'node:path';
import { Person } from './person.ts';
import type { InteropServer, Surroundings } from './server.ts';

const STARTS_WITHIN_MS = 60_000;
const LOOK_EVERY_MS = 50;
/** A server that does not end when asked to is killed after this. */
const ENDS_WITHIN_MS = 20_000;

/** How a server is started. */
export interface Launch {
  readonly software: string;
  readonly command: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
}

/** A server as a child process, which does not outlive this one. It is up when it answers a client. */
export class ChildServer implements InteropServer {
  readonly software: string;
  readonly name: string;
  readonly url: string;
  readonly #launch: Launch;
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #version = '';
  #roomVersions: ReadonlySet<string> = new Set();
  #people = 0;

  private constructor(launch: Launch, around: Surroundings) {
    this.#launch = launch;
    this.#folder = around.folder;
    this.software = launch.software;
    this.name = `localhost:${around.federationPort}`;
    this.url = `http://127.0.0.1:${around.clientPort}`;
  }

  /** Starts it for the first time, and asks it what it is. */
  static async launch(launch: Launch, around: Surroundings, version: string): Promise<ChildServer> {
    const server = new ChildServer(launch, around);
    await server.start();
    server.#version = version;
    const probe = await server.person('probe');
    const { capabilities } = await probe.ok('GET', '/v3/capabilities');
    server.#roomVersions = new Set(Object.keys(capabilities['m.room_versions'].available as object));
    return server;
  }

  get version(): string {
    return this.#version;
  }

  get roomVersions(): ReadonlySet<string> {
    return this.#roomVersions;
  }

  person(name: string): Promise<Person> {
    this.#people += 1;
    return new Person(this.url).register(`${name}${this.#people}`);
  }

  async start(): Promise<void> {
    const { command, args, env } = this.#launch;
    const log = createWriteStream(join(this.#folder, 'output.log'), { flags: 'a' });
    const child = spawn(command, args, {
      env: { ...process.env, ...env },
      cwd: this.#folder,
      stdio: ['ignore', 'pipe', 'pipe'],
    });
    const killIt = () => child.kill('SIGKILL');
    process.once('exit', killIt);
    child.once('exit', () => process.off('exit', killIt));
    child.stdout.pipe(log, { end: false });
    child.stderr.pipe(log, { end: false });
    this.#child = child;
    const deadline = performance.now() + STARTS_WITHIN_MS;
    while (!(await this.#answers())) {
      if (child.exitCode !== null || child.signalCode !== null || performance.now() > deadline) {
        child.kill('SIGKILL');
        throw new Error(`${this.software} does not start: see ${join(this.#folder, 'output.log')}`);
      }
      await pause(LOOK_EVERY_MS);
    }
  }

  async #answers(): Promise<boolean> {
    try {
      return (await fetch(`${this.url}/_matrix/client/versions`)).ok;
    } catch {
      return false;
    }
  }

  async stop(): Promise<void> {
    const child = this.#child;
    this.#child = undefined;
    if (!child || child.exitCode !== null || child.signalCode !== null) return;
    const ended = new Promise((resolve) => child.once('exit', resolve));
    const force = setTimeout(() => child.kill('SIGKILL'), ENDS_WITHIN_MS);
    child.kill('SIGTERM');
    await ended;
    clearTimeout(force);
  }

  async remove(): Promise<void> {
    await this.stop();
    rmSync(this.#folder, { recursive: true, force: true });
  }
}
