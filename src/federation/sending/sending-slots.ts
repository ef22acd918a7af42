import { boundedCache } from '../../platform/bounded-cache.ts';
import { leftOfWait } from '../../platform/clock.ts';
import { TaskQueue } from '../../platform/task-queue.ts';
import type { ServerName } from '../../protocol/identifiers.ts';

/** A server that takes so long for a transaction is slow for a while from then on, in milliseconds. */
export const SLOW_MS = 5_000;
const SLOW_FOR_MS = 10 * 60_000;
const MOST_SERVERS = 20_000;

/**
 * Limits how many transactions are under way at once. Those to slow servers have a limit of their own: a server has a minute for
 * a transaction, and somebody with many names, or a network that is away, would hold up what is for all others.
 */
export class SendingSlots {
  readonly #swift: TaskQueue;
  readonly #slow: TaskQueue;
  readonly #slowUntil = boundedCache<ServerName, number>(MOST_SERVERS);
  readonly #clock: { now(): number };

  /** @param atOnce transactions at once to servers that are not slow, and as many to such as are. */
  constructor(atOnce: number, clock: { now(): number }) {
    this.#swift = new TaskQueue({ atOnce, waiting: Number.POSITIVE_INFINITY });
    this.#slow = new TaskQueue({ atOnce, waiting: Number.POSITIVE_INFINITY });
    this.#clock = clock;
  }

  /**
   * Has transactions sent to a server once it is its turn.
   *
   * @param send is given what says whether it may go on with another one: else it waits for its turn among the others.
   */
  run(server: ServerName, send: (mayGoOn: () => boolean) => Promise<void>): Promise<void> {
    const isSlow = this.#isSlow(server);
    const queue = isSlow ? this.#slow : this.#swift;
    return queue.run(() => send(() => this.#isSlow(server) === isSlow));
  }

  /** Sends one transaction to a server, and notes where that takes long. */
  async timed<Result>(server: ServerName, send: () => Promise<Result>): Promise<Result> {
    const began = this.#clock.now();
    try {
      return await send();
    } finally {
      const now = this.#clock.now();
      if (now - began >= SLOW_MS) this.#slowUntil.set(server, now + SLOW_FOR_MS);
    }
  }

  #isSlow(server: ServerName): boolean {
    return leftOfWait(this.#clock, this.#slowUntil.get(server) ?? 0, SLOW_FOR_MS) > 0;
  }
}
