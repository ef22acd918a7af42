import { extname } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import type { Batch, BatchOutcome, OutsideWrite } from './batch.ts';

/** What a writer says: what became of a batch, or that another process wrote. */
export type WriterMessage = BatchOutcome | { readonly failed: string } | OutsideWrite;

/** Owns the one writing connection of a database, and commits one batch after the other. */
export interface BatchWriter {
  /** Takes a batch; the listener is told what became of it. There is one at a time. */
  commit(batch: Batch): void;
  /** Closes the connection. */
  close(): Promise<void>;
}

/** Who listens to a writer. */
export interface WriterListener {
  onMessage(message: WriterMessage): void;
  /** The writer has ended, or cannot go on. */
  onEnd(error: Error): void;
}

/** Opens a writer for the database at a path. A simulation puts another in place of the thread. */
export type OpenWriter = (path: string, listener: WriterListener) => BatchWriter;

/**
 * How far the writer's heap may grow before it is looked through for the first time. Of what it takes, nothing is in use once it is
 * committed: with as much as `bin/myelin-server.js` gives the main thread, it would gather that much before it looks.
 */
const FIRST_COLLECTION = '--initial-old-space-size=8';

/** A thread that writes, so that the disk is waited for elsewhere. */
export const openWriterThread: OpenWriter = (path, listener) => {
  // Beside this file, also in the packed program, where both end otherwise.
  const file = `./writer-worker${extname(import.meta.url)}`;
  // Read when a heap is made: that of this thread is there already.
  setFlagsFromString(FIRST_COLLECTION);
  const worker = new Worker(new URL(file, import.meta.url), {
    workerData: { path },
    resourceLimits: { maxYoungGenerationSizeMb: 4 },
  });
  worker.on('message', (message: WriterMessage) => listener.onMessage(message));
  worker.on('error', (error) => listener.onEnd(error));
  worker.on('exit', () => listener.onEnd(new Error('The writer of the database has ended')));
  return {
    commit: (batch) => worker.postMessage(batch),
    async close() {
      const ended = new Promise((resolve) => worker.once('exit', resolve));
      worker.postMessage('close');
      await ended;
    },
  };
};
