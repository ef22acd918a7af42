import { pino, type Logger } from 'pino';

/** Lines are gathered into writes of this size, in bytes: most of them are of requests that went well. */
const GATHERED = 8_192;
/** Nothing is held back longer, in milliseconds. */
const LONGEST_MS = 250;

/**
 * The log: JSON lines on standard output. They are gathered for a moment, so that writing down each request costs little;
 * what is still held back when the process exits is written then.
 */
export function createLog(level: string): Logger {
  return pino(
    { level },
    pino.destination({ dest: 1, minLength: GATHERED, periodicFlush: LONGEST_MS, sync: true }),
  );
}
