/** Where time comes from, so that tests can give another. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

/** The machine's clock. */
export const systemClock: Clock = { now: () => Date.now() };

/**
 * Milliseconds that are left of a wait; 0 once it is over. More than there ever was is left when the clock was set back:
 * nobody knows then how much of it has passed, and it is over, too.
 *
 * @param until when it ends, in milliseconds since the epoch.
 * @param mostMs the longest that it may have been.
 */
export function leftOfWait(clock: Clock, until: number, mostMs: number): number {
  const leftMs = until - clock.now();
  return leftMs > mostMs ? 0 : Math.max(0, leftMs);
}
