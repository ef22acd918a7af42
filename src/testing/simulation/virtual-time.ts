import type { Timer, Timers } from '../../platform/timers.ts';

/** Turns of the event loop without anything stored, sent or set after which nothing more will happen by itself. */
const QUIET_TURNS = 4;
/** Turns after which something goes on for ever without time passing. */
const MOST_TURNS = 200_000;

interface Due {
  readonly at: number;
  readonly order: number;
  readonly run: () => void;
}

/**
 * Time that passes only when nothing is left to do at the moment. Everything in a simulation runs on one thread and comes to
 * rest within a few turns of the event loop: whoever stores, sends or sets a timer says so with `touch`.
 */
export class VirtualTime {
  /** Milliseconds since the epoch. */
  now: number;
  #due: Due[] = [];
  #order = 0;
  #touched = 0;

  constructor(start: number) {
    this.now = start;
  }

  /** Something happens at this moment. */
  touch(): void {
    this.#touched += 1;
  }

  /** How many timers are set. */
  get waiting(): number {
    return this.#due.length;
  }

  /** Calls `run` after so many milliseconds of virtual time. */
  after(ms: number, run: () => void): Timer {
    this.touch();
    const due = { at: this.now + Math.max(0, ms), order: (this.#order += 1), run };
    this.#due.splice(this.#placeOf(due), 0, due);
    return {
      cancel: () => {
        const at = this.#due.indexOf(due);
        if (at >= 0) this.#due.splice(at, 1);
      },
    };
  }

  /** Lets so many milliseconds pass, with everything that happens in them. */
  async pass(ms: number): Promise<void> {
    const end = this.now + ms;
    for (;;) {
      await this.settle();
      const next = this.#due[0];
      if (next === undefined || next.at > end) break;
      this.#step(next);
    }
    this.now = end;
  }

  /**
   * Lets time pass until a promise is settled.
   *
   * @throws Error when that takes more than so many virtual milliseconds.
   */
  async until<Result>(promise: Promise<Result>, mostMs = 600_000): Promise<Result> {
    const end = this.now + mostMs;
    let isSettled = false;
    const noted = promise.finally(() => (isSettled = true));
    noted.catch(() => undefined);
    for (;;) {
      await this.settle();
      if (isSettled) return noted;
      const next = this.#due[0];
      if (next === undefined || next.at > end) throw new Error('What was waited for never happened');
      this.#step(next);
    }
  }

  /** Resolves when nothing more happens without time passing. */
  async settle(): Promise<void> {
    let quiet = 0;
    for (let turns = 0; quiet < QUIET_TURNS; turns++) {
      if (turns > MOST_TURNS) throw new Error('The servers do not come to rest');
      const before = this.#touched;
      await new Promise(setImmediate);
      quiet = before === this.#touched ? quiet + 1 : 0;
    }
  }

  #step(due: Due): void {
    this.#due.shift();
    this.now = Math.max(this.now, due.at);
    this.touch();
    due.run();
  }

  #placeOf(due: Due): number {
    let low = 0;
    let high = this.#due.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if ((this.#due[middle]?.at ?? Infinity) <= due.at) low = middle + 1;
      else high = middle;
    }
    return low;
  }
}

/** The timers of one process, which end with it. */
export class ProcessTimers implements Timers {
  readonly #time: VirtualTime;
  readonly #set = new Set<Timer>();
  #isDead = false;

  constructor(time: VirtualTime) {
    this.#time = time;
  }

  /** How many are set. */
  get count(): number {
    return this.#set.size;
  }

  after(ms: number, run: () => void): Timer {
    if (this.#isDead) return { cancel: () => undefined };
    const timer = this.#time.after(ms, () => {
      this.#set.delete(entry);
      run();
    });
    const entry = {
      cancel: () => {
        this.#set.delete(entry);
        timer.cancel();
      },
    };
    this.#set.add(entry);
    return entry;
  }

  /** The process has ended. */
  end(): void {
    this.#isDead = true;
    for (const timer of [...this.#set]) timer.cancel();
  }
}
