import type { Timers } from '../../platform/timers.ts';
import type { RoomId, ServerName } from '../../protocol/identifiers.ts';

/** How long a server waits to hear what became of its events of a room, in milliseconds. */
export const PATIENCE_MS = 5_000;
/** The same, while events of that room that it sent before are not judged yet. */
export const PATIENCE_WHILE_SLOW_MS = 200;

/**
 * Answers servers in time, however long it takes to judge what they sent: a server sends its next transaction when the one
 * before is answered, so that a room which takes long would hold up all its others.
 */
export class AnswerInTime {
  readonly #timers: Timers;
  /** Rooms of which a server's events are worked on that it need not wait for, and how many transactions these came in. */
  readonly #slow = new Map<string, number>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Whether work on what a server sent of a room ends in time; it goes on in any case. Rejects as the work does. */
  async isOver(origin: ServerName, roomId: RoomId, work: Promise<unknown>): Promise<boolean> {
    const patience = this.#slow.has(`${origin} ${roomId}`) ? PATIENCE_WHILE_SLOW_MS : PATIENCE_MS;
    const late = Promise.withResolvers<boolean>();
    const timer = this.#timers.after(patience, () => late.resolve(false));
    try {
      return await Promise.race([work.then(() => true), late.promise]);
    } finally {
      timer.cancel();
    }
  }

  /** Notes that a server waits no more for work on what it sent of a room, until that ends, however it does. */
  async goesOn(origin: ServerName, roomId: RoomId, work: Promise<void>): Promise<void> {
    const key = `${origin} ${roomId}`;
    this.#slow.set(key, (this.#slow.get(key) ?? 0) + 1);
    try {
      await work;
    } finally {
      const left = (this.#slow.get(key) ?? 1) - 1;
      if (left > 0) this.#slow.set(key, left);
      else this.#slow.delete(key);
    }
  }
}
