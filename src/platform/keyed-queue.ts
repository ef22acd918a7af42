/** Runs tasks of the same key one after the other: for what is read, changed and written back. */
export class KeyedQueue {
  readonly #tails = new Map<string, Promise<unknown>>();

  /** Runs the task when those of the key before it are over, however they ended. */
  run<Result>(key: string, task: () => Promise<Result>): Promise<Result> {
    const before = this.#tails.get(key);
    const result = before ? before.then(task, task) : task();
    const end = () => {
      if (this.#tails.get(key) === tail) this.#tails.delete(key);
    };
    const tail = result.then(end, end);
    this.#tails.set(key, tail);
    return result;
  }
}
