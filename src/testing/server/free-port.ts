import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Ports that systems do not give to outgoing connections, which could have one again before it is listened on. */
const FIRST = 20_000;
const LAST = 32_000;
const TRIES = 100;

/**
 * A port that nobody listens on, for a process that must be reachable at the same place after a restart.
 *
 * @throws Error when many that were tried are taken.
 */
export async function freePort(): Promise<number> {
  for (let i = 0; i < TRIES; i++) {
    const port = randomInt(FIRST, LAST);
    if (await isFree(port)) return port;
  }
  throw new Error(`${TRIES} ports between ${FIRST} and ${LAST} are taken`);
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
