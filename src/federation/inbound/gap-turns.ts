import { KeyedQueue } from '../../platform/keyed-queue.ts';
import { KeyedTaskQueue } from '../../platform/keyed-task-queue.ts';
import type { Timers } from '../../platform/timers.ts';
import type { RoomId, ServerName } from '../../protocol/identifiers.ts';

/** How long a server is waited for that is asked about the same room already, in milliseconds. */
const PATIENCE_MS = 3_000;
/** Rooms in which gaps are filled by one server at once. */
const MOST_ROOMS = 4;

/**
 * Who fills gaps when. Servers that send events after the same gap each tell of it: so one is waited for, but not for long,
 * for it may never answer. What one server is asked holds up only what that server sent; it is asked about some rooms at once.
 */
export class GapTurns {
  readonly #timers: Timers;
  readonly #ofServer = new KeyedQueue();
  readonly #limits = new KeyedTaskQueue<ServerName>({
    atOnce: MOST_ROOMS,
    waiting: Number.POSITIVE_INFINITY,
  });
  readonly #filling = new Map<RoomId, Promise<void>>();

  constructor(timers: Timers) {
    this.#timers = timers;
  }

  /** Fills a gap in a room by asking a server once it is its turn. Others may have filled it meanwhile. */
  run<Result>(roomId: RoomId, server: ServerName, fill: () => Promise<Result>): Promise<Result> {
    return this.#ofServer.run(`${server} ${roomId}`, () =>
      this.#limits.run(server, async () => {
        const other = this.#filling.get(roomId);
        if (other) await this.#wait(other);
        const result = fill();
        const end = result.then(
          () => undefined,
          () => undefined,
        );
        this.#filling.set(roomId, end);
        void end.then(() => {
          if (this.#filling.get(roomId) === end) this.#filling.delete(roomId);
        });
        return result;
      }),
    );
  }

  #wait(other: Promise<void>): Promise<void> {
    return new Promise((resolve) => {
      const timer = this.#timers.after(PATIENCE_MS, resolve);
      void other.then(() => {
        timer.cancel();
        resolve();
      });
    });
  }
}
