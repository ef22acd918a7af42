/** Something that will be done later, unless it is called off. */
export interface Timer {
  cancel(): void;
}

/** Where delays come from, so that simulations can give others. */
export interface Timers {
  /** Calls `run` once, after at least `ms` milliseconds. A process does not stay alive for it. */
  after(ms: number, run: () => void): Timer;
}

/** The longest delay that the runtime takes, in milliseconds. */
const LONGEST_MS = 2 ** 31 - 1;

/** The runtime's timers. */
export const systemTimers: Timers = {
  after(ms, run) {
    const timer = setTimeout(run, Math.min(Math.max(ms, 0), LONGEST_MS));
    timer.unref();
    return { cancel: () => clearTimeout(timer) };
  },
};
