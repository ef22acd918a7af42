import { once } from 'node:events';
import { createServer } from 'node:net';

/** Ports that systems do not give to outgoing connections, which could have one again before it is listened on. */
const FIRST = 20_000;
const LAST = 32_000;
/** Ports of one process: another that looked for one at the same time, or while a server is down, would find the same free. */
const OWN = 100;

const own = FIRST + (process.pid % Math.floor((LAST - FIRST) / OWN)) * OWN;
let next = 0;

/**
 * A port that nobody listens on, for a process that must be reachable at the same place after a restart.
 *
 * @throws Error when all that this process may have are taken.
 */
export async function freePort(): Promise<number> {
  for (let i = 0; i < OWN; i++) {
    const port = own + (next++ % OWN);
    if (await isFree(port)) return port;
  }
  throw new Error(`All ports from ${own} to ${own + OWN - 1} are taken`);
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  try {
    await once(server.listen(port, '127.0.0.1'), 'listening');
  } catch {
    return false;
  }
  server.close();
  await once(server, 'close');
  return true;
}
