import { systemTimers, type Timer, type Timers } from '../../platform/timers.ts';

/** The system's timers, but for waits of certain lengths, which end when the test says so. */
export class HeldTimers implements Timers {
  readonly #delaysMs: readonly number[];
  readonly #held = new Set<() => void>();
  #wake: () => void = () => undefined;

  /** @param delaysMs the lengths of the waits that are the test's, in milliseconds. */
  constructor(...delaysMs: readonly number[]) {
    this.#delaysMs = delaysMs;
  }

  after(ms: number, run: () => void): Timer {
    if (!this.#delaysMs.includes(ms)) return systemTimers.after(ms, run);
    this.#held.add(run);
    this.#wake();
    return { cancel: () => this.#held.delete(run) };
  }

  /** Ends all waits that are held now. */
  letGo(): void {
    const due = [...this.#held];
    this.#held.clear();
    for (const run of due) run();
  }

  /** Waits until something is held, and gives what is to be done when that wait ends. */
  async planned(): Promise<() => void> {
    for (;;) {
      const [run] = this.#held;
      if (run) {
        this.#held.delete(run);
        return run;
      }
      await new Promise<void>((resolve) => (this.#wake = resolve));
    }
  }
}
