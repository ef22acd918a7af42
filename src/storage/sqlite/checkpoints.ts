import { extname } from 'node:path';
import { setFlagsFromString } from 'node:v8';
import { Worker } from 'node:worker_threads';
import { systemTimers, type Timer } from '../../platform/timers.ts';

/** How long the thread stays when there is nothing to do: to start it takes as long as the work of some hundred messages. */
const STAY_MS = 20_000;
/** It holds nothing but the program: a small heap is enough. */
const FIRST_COLLECTION = '--initial-old-space-size=8';

/** Writes the log of a database back into it, on a thread of its own that is there only while it is needed. */
export class Checkpoints {
  readonly #path: string;
  #worker: Worker | undefined;
  #leaving: Timer | undefined;

  /** @param path of the database. */
  constructor(path: string) {
    this.#path = path;
  }

  /**
   * Writes back what is in the log, while others may write on: first what is there, and then, while nobody writes, what
   * has come meanwhile. The next write begins the log anew, unless somebody reads what was there before.
   *
   * @param whileNobodyWrites runs what it is given when nobody writes.
   * @throws Error where the thread could not write.
   */
  async writeBack(whileNobodyWrites: (task: () => Promise<void>) => Promise<void>): Promise<void> {
    this.#leaving?.cancel();
    const worker = (this.#worker ??= this.#start());
    await written(worker);
    await whileNobodyWrites(() => written(worker));
    this.#leaving = systemTimers.after(STAY_MS, () => void this.close());
  }

  /** Ends the thread. */
  async close(): Promise<void> {
    this.#leaving?.cancel();
    const worker = this.#worker;
    if (!worker) return;
    this.#worker = undefined;
    const ended = new Promise((resolve) => worker.once('exit', resolve));
    worker.postMessage('end');
    await ended;
  }

  #start(): Worker {
    // Beside this file, also in the packed program, where both end otherwise.
    const file = `./checkpoint-worker${extname(import.meta.url)}`;
    // Read when a heap is made: that of this thread is there already.
    setFlagsFromString(FIRST_COLLECTION);
    const worker = new Worker(new URL(file, import.meta.url), {
      workerData: { path: this.#path },
      resourceLimits: { maxYoungGenerationSizeMb: 4 },
    });
    const forget = (): void => {
      if (this.#worker === worker) this.#worker = undefined;
    };
    return worker.once('exit', forget).once('error', forget);
  }
}

/** Has a thread write back once. */
function written(worker: Worker): Promise<void> {
  return new Promise((resolve, reject) => {
    const end = (): void => {
      worker.off('message', done).off('error', fail).off('exit', gone);
    };
    const done = (): void => {
      end();
      resolve();
    };
    const fail = (error: unknown): void => {
      end();
      reject(error instanceof Error ? error : new Error(String(error)));
    };
    const gone = (): void => fail(new Error('The thread that writes the log back has ended'));
    worker.on('message', done).on('error', fail).on('exit', gone);
    worker.postMessage('write back');
  });
}
