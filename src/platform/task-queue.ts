/** More tasks wait than may. */
export class QueueFull extends Error {
  constructor() {
    super('Too many tasks wait already');
    this.name = 'QueueFull';
  }
}

/** Runs tasks in the order in which they come, some at the same time, and lets only so many wait. */
export class TaskQueue {
  readonly #atOnce: number;
  readonly #mostWaiting: number;
  readonly #waiting: (() => void)[] = [];
  #running = 0;

  constructor(limits: { atOnce: number; waiting: number }) {
    this.#atOnce = limits.atOnce;
    this.#mostWaiting = limits.waiting;
  }

  /**
   * Runs a task once it is its turn.
   *
   * @throws QueueFull at once, where no more may wait.
   */
  async run<Result>(task: () => Promise<Result>): Promise<Result> {
    if (this.#running < this.#atOnce) {
      this.#running += 1;
    } else {
      if (this.#waiting.length >= this.#mostWaiting) throw new QueueFull();
      await new Promise<void>((resolve) => this.#waiting.push(resolve));
    }
    try {
      return await task();
    } finally {
      const next = this.#waiting.shift();
      if (next) next();
      else this.#running -= 1;
    }
  }
}
