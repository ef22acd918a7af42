import type { Timers } from '../../platform/timers.ts';

/** Timers that go off when the test says so. */
export class HandTimers implements Timers {
  #waiting: (() => void) | undefined;

  after(_ms: number, run: () => void): { cancel(): void } {
    this.#waiting = run;
    return { cancel: () => (this.#waiting = undefined) };
  }

  get isWaiting(): boolean {
    return this.#waiting !== undefined;
  }

  go(): void {
    const run = this.#waiting;
    this.#waiting = undefined;
    run?.();
  }
}

/** Computes until this process has used so many milliseconds of a processor: on a busy machine that takes longer. */
export function useProcessor(ms: number): void {
  const start = process.cpuUsage();
  for (let usedMs = 0; usedMs < ms;) {
    const { user, system } = process.cpuUsage(start);
    usedMs = (user + system) / 1_000;
  }
}
