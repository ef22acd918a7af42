import { boundedCache } from '../platform/bounded-cache.ts';
import type { Change, Database } from './database.ts';

/** Rooms and users of which it is remembered when others changed something of them: what is asked for is a moment old. */
const REMEMBERED = 10_000;

/**
 * Tells what a process had not heard yet when it decided something by what it remembers: others may have committed more,
 * and answered for it, before their notices are here.
 */
export class LaterNews {
  readonly #database: Database;
  /** Where other processes last changed something of a room or user, by its name. */
  readonly #changedAt = boundedCache<string, number>(REMEMBERED);
  /** Up to here changes may have been missed. */
  #missedUpTo = 0;

  constructor(database: Database) {
    this.#database = database;
    if (database.engine === 'sqlite') return;
    database.subscribe((changes) => {
      for (const change of changes) if (!change.isOwn) this.#note(change);
    });
  }

  /** How far the process was told of what is committed. */
  position(): number {
    return this.#database.position();
  }

  /**
   * Waits until the process was told of all that is committed by now. Gives whether others committed anything after a position
   * that is about rooms or users of these names. What the process committed itself is no news: who is refused after a part of
   * what was asked for is done would have it done twice. Undefined where nobody else writes.
   */
  about(names: readonly string[], since: number): Promise<boolean> | undefined {
    const caughtUp = this.#database.caughtUp();
    return caughtUp?.then(
      () => this.#missedUpTo > since || names.some((name) => (this.#changedAt.get(name) ?? 0) > since),
    );
  }

  #note({ topic, position, rooms, users }: Change): void {
    if (topic === 'reset') this.#missedUpTo = position;
    for (const name of [...rooms, ...users]) this.#changedAt.set(name, position);
  }
}
