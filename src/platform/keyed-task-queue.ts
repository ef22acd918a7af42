import { TaskQueue } from './task-queue.ts';

/** Runs some tasks of each key at the same time, and lets only so many of a key wait. */
export class KeyedTaskQueue<Key> {
  readonly #limits: { readonly atOnce: number; readonly waiting: number };
  readonly #queues = new Map<Key, { readonly queue: TaskQueue; tasks: number }>();

  /** @param limits of each key. */
  constructor(limits: { atOnce: number; waiting: number }) {
    this.#limits = limits;
  }

  /**
   * Runs a task once it is its turn among those of its key.
   *
   * @throws QueueFull at once, where no more of the key may wait.
   */
  async run<Result>(key: Key, task: () => Promise<Result>): Promise<Result> {
    const known = this.#queues.get(key) ?? { queue: new TaskQueue(this.#limits), tasks: 0 };
    this.#queues.set(key, known);
    known.tasks += 1;
    try {
      return await known.queue.run(task);
    } finally {
      known.tasks -= 1;
      if (known.tasks === 0) this.#queues.delete(key);
    }
  }
}
