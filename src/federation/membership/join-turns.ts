import type { Timers } from '../../platform/timers.ts';
import type { RoomId } from '../../protocol/identifiers.ts';

/** How long a join waits for those of the same room that began before it, in milliseconds. */
export const PATIENCE_MS = 12_000;

/**
 * Joins of a room by way of other servers, one after the other: the second mostly finds the room here. None waits for long:
 * whoever joins says which servers are asked, and those may never answer.
 */
export class JoinTurns {
  readonly #timers: Timers;
  /** By room, what ends with all joins that began. */
  readonly #begun = new Map<RoomId, Promise<unknown>>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Runs a join when those before it are over, however they ended, or its patience is. */
  run<Result>(roomId: RoomId, join: () => Promise<Result>): Promise<Result> {
    const before = this.#begun.get(roomId);
    const result = before ? this.#wait(before).then(join) : join();
    const all = Promise.allSettled([before, result]).then(() => {
      if (this.#begun.get(roomId) === all) this.#begun.delete(roomId);
    });
    this.#begun.set(roomId, all);
    return result;
  }

  #wait(before: Promise<unknown>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#timers.after(PATIENCE_MS, resolve);
      void before.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}
