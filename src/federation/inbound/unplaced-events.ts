import type { Timer, Timers } from '../../platform/timers.ts';
import type { RoomId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { Batch } from './held-events.ts';

/** When what could not be placed is looked at again, in milliseconds after the time before. */
export const AGAIN_AFTER_MS = [15_000, 240_000, 1_800_000] as const;
/** Batches that wait at once; what is more is asked for with the next event that follows it. */
const MOST_BATCHES = 200;

/**
 * Events of which nobody told yet what they follow: the servers that know may not have answered just then. Who sent them does
 * not send them again, and in a quiet room nothing may follow them for long: so they are looked at some more times.
 */
export class UnplacedEvents {
  readonly #timers: Timers;
  readonly #tryAgain: (roomId: RoomId, batch: Batch) => Promise<readonly JsonObject[]>;
  readonly #onProblem: (error: unknown) => void;
  readonly #waiting = new Set<Timer>();
  #isStopped = false;

  /** @param needs.tryAgain gives those of the events that still cannot be placed. */
  constructor(needs: {
    timers: Timers;
    tryAgain: (roomId: RoomId, batch: Batch) => Promise<readonly JsonObject[]>;
    onProblem: (error: unknown) => void;
  }) {
    this.#timers = needs.timers;
    this.#tryAgain = needs.tryAgain;
    this.#onProblem = needs.onProblem;
  }

  /** Looks at events again after a while. */
  keep(roomId: RoomId, batch: Batch): void {
    if (batch.pdus.length > 0) this.#plan(roomId, batch, 0);
  }

  /** Forgets what waits. */
  stop(): void {
    this.#isStopped = true;
    for (const timer of this.#waiting) timer.cancel();
    this.#waiting.clear();
  }

  #plan(roomId: RoomId, batch: Batch, tries: number): void {
    const afterMs = AGAIN_AFTER_MS[tries];
    if (afterMs === undefined || this.#isStopped || this.#waiting.size >= MOST_BATCHES) return;
    const timer = this.#timers.after(afterMs, () => {
      this.#waiting.delete(timer);
      this.#again(roomId, batch, tries).catch((error: unknown) => {
        if (!this.#isStopped) this.#onProblem(error);
      });
    });
    this.#waiting.add(timer);
  }

  async #again(roomId: RoomId, { origin, pdus }: Batch, tries: number): Promise<void> {
    const left = await this.#tryAgain(roomId, { origin, pdus });
    if (left.length > 0) this.#plan(roomId, { origin, pdus: left }, tries + 1);
  }
}
