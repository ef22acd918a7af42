import { spawn } from 'node:child_process';
import { once } from 'node:events';

const MAIN = new URL('../../main.ts', import.meta.url).pathname;

/** A server that runs as a process of its own. */
export interface ServerProcess {
  /** Where it answers clients. */
  readonly url: string;
  /** Ends it as a failing machine would: SIGKILL. Resolves when it is gone. */
  kill(): Promise<void>;
}

/**
 * Starts a server as a process, with settings by environment, and resolves when it answers.
 *
 * @throws Error with what it said when it ends instead.
 */
export async function startProcess(
  folder: string,
  settings: Readonly<Record<string, string>>,
): Promise<ServerProcess> {
  const child = spawn(process.execPath, ['--disable-warning=ExperimentalWarning', MAIN, 'serve'], {
    cwd: folder,
    env: { ...process.env, ...settings },
    stdio: ['ignore', 'ignore', 'pipe'],
  });
  const ended = once(child, 'exit');
  const url = await new Promise<string>((resolve, reject) => {
    let said = '';
    child.stderr.on('data', (chunk: Buffer) => {
      said += chunk.toString();
      const found = /on (http:\S+)\n/.exec(said)?.[1];
      if (found !== undefined && said.includes('data:')) resolve(found);
    });
    void ended.then(() => reject(new Error(`The server ended: ${said}`)));
  });
  return {
    url,
    kill: async () => {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
