import type { Database } from './database.ts';
import type { RecentChanges } from './recent-changes.ts';

/**
 * Tells what a process had not heard yet when it decided something by what it remembers: others may have committed more,
 * and answered for it, before their notices are here.
 */
export class LaterNews {
  readonly #database: Database;
  readonly #recent: RecentChanges;

  constructor(database: Database, recent: RecentChanges) {
    this.#database = database;
    this.#recent = recent;
  }

  /** How far the process was told of what is committed. */
  position(): number {
    return this.#database.position();
  }

  /**
   * Waits until the process was told of all that is committed by now. Gives whether it was told anything after a position that
   * is about rooms or users of these names; about whatever, if there are none. Undefined where nobody else writes.
   */
  about(names: readonly string[], since: number): Promise<boolean> | undefined {
    const caughtUp = this.#database.caughtUp();
    return caughtUp?.then(() => {
      if (this.#database.position() <= since) return false;
      return names.length === 0 || names.some((name) => this.#isAbout(name, since));
    });
  }

  #isAbout(name: string, since: number): boolean {
    return this.#recent.roomChangedSince(name, since) || this.#recent.userChangedSince(name, since);
  }
}
