import { spawn, spawnSync, type ChildProcess } from 'node:child_process';
import { existsSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';

const BINARY = '/usr/sbin/ngircd';
const START_MS = 60_000;
const INSTALL_MS = 180_000;

/** A real IRC server, ngIRCd of Debian. */
export interface IrcServer {
  readonly port: number;
  stop(): void;
}

/** Finds the IRC server, or installs it by apt where that can be done without asking. */
export function hasIrcServer(): boolean {
  if (existsSync(BINARY)) return true;
  const asRoot = process.getuid?.() === 0 ? [] : ['sudo', '-n'];
  const [first = '', ...rest] = [...asRoot, 'apt-get', 'install', '-y', '-q', 'ngircd'];
  const env = { ...process.env, DEBIAN_FRONTEND: 'noninteractive' };
  spawnSync(first, rest, { stdio: 'ignore', env, timeout: INSTALL_MS });
  return existsSync(BINARY);
}

/** Starts it on this port, with its configuration in this folder, and resolves when it takes connections. */
export async function startIrcServer(port: number, folder: string): Promise<IrcServer> {
  const file = join(folder, 'ngircd.conf');
  writeFileSync(
    file,
    `[Global]
Name = irc.example.test
Info = for a test
Listen = 127.0.0.1
Ports = ${port}
MotdPhrase = hello
[Limits]
MaxConnectionsIP = 0
MaxJoins = 0
[Options]
DNS = no
Ident = no
PAM = no
`,
  );
  const child = spawn(BINARY, ['--nodaemon', '--config', file], { stdio: 'ignore' });
  try {
    await untilItListens(child, port);
  } catch (error) {
    child.kill();
    throw error;
  }
  return { port, stop: () => child.kill() };
}

async function untilItListens(child: ChildProcess, port: number): Promise<void> {
  const until = performance.now() + START_MS;
  while (!(await takesConnections(port))) {
    if (child.exitCode !== null) throw new Error(`The IRC server ended with ${child.exitCode}`);
    if (performance.now() > until) throw new Error('The IRC server does not listen');
    await delay(50);
  }
}

function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect(port, '127.0.0.1');
    const end = (answers: boolean) => {
      socket.destroy();
      resolve(answers);
    };
    socket.once('connect', () => end(true)).once('error', () => end(false));
  });
}
