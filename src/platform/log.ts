import { writeSync } from 'node:fs';
import { pino, type Logger } from 'pino';

/** Lines are gathered into writes of this size, in bytes: most of them are of requests that went well. */
const GATHERED = 8_192;
/** Nothing is held back longer, in milliseconds. */
const LONGEST_MS = 250;
/** What is kept, in bytes, while it cannot be written; further lines are dropped. */
const MOST_KEPT = 1_048_576;
const STANDARD_OUTPUT = 1;
const STANDARD_ERROR = 2;

/**
 * The log: JSON lines on standard output. They are gathered for a moment, so that writing down each request costs little;
 * what is still held back when the process exits is written then. Where they cannot be written, as on a full disk, that is said
 * once on standard error, and tried again and again: the server goes on without its log.
 */
export function createLog(level: string): Logger {
  const destination = pino.destination({
    ...{ dest: STANDARD_OUTPUT, minLength: GATHERED, maxLength: MOST_KEPT, periodicFlush: LONGEST_MS },
    sync: true,
  });
  let isFailing = false;
  destination.on('error', (error: Error) => {
    if (!isFailing) complain(error);
    isFailing = true;
  });
  destination.on('write', () => {
    isFailing = false;
  });
  // The library's own way of writing all at once goes on until it succeeds.
  destination.flushSync = () => destination.flush();
  process.once('exit', () => destination.flush());
  return pino({ level }, destination);
}

function complain(error: Error): void {
  try {
    writeSync(STANDARD_ERROR, `The log cannot be written: ${error.message}\n`);
  } catch {
    // Then there is nobody to tell.
  }
}
