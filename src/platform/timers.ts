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

/** Calls `run` again and again, each time `ms` milliseconds after the last, until it is called off. */
export function every(timers: Timers, ms: number, run: () => void): Timer {
  let next = timers.after(ms, again);
  function again(): void {
    next = timers.after(ms, again);
    run();
  }
  return { cancel: () => next.cancel() };
}

/** Resolves after at least `ms` milliseconds. */
export function pause(timers: Timers, ms: number): Promise<void> {
  return new Promise((resolve) => timers.after(ms, resolve));
}

/** A signal that aborts after `ms` milliseconds, unless it is called off. */
export function timeLimit(timers: Timers, ms: number): Timer & { readonly signal: AbortSignal } {
  const controller = new AbortController();
  const reason = () => new DOMException('The operation took longer than it may', 'TimeoutError');
  const timer = timers.after(ms, () => controller.abort(reason()));
  return { signal: controller.signal, cancel: () => timer.cancel() };
}
