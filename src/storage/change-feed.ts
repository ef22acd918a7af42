import type { Change, NewChange } from './database.ts';
import type { UnitOfWork } from './unit-of-work.ts';

/** Delivers committed changes to subscribers, one batch after the other. */
export class ChangeFeed {
  readonly #listeners: ((changes: readonly Change[]) => void | Promise<void>)[] = [];
  #position: number;
  /** Called each time that changes were delivered. */
  readonly #waiting = new Set<() => void>();

  /** @param position the newest position of the database. */
  constructor(position: number) {
    this.#position = position;
  }

  /** The newest position whose changes were delivered. */
  get position(): number {
    return this.#position;
  }

  subscribe(listener: (changes: readonly Change[]) => void | Promise<void>): void {
    this.#listeners.push(listener);
  }

  /** Delivers the changes of committed units. Resolves when every subscriber has taken them. */
  async deliver(units: readonly UnitOfWork[], newest: number): Promise<void> {
    await this.deliverChanges(
      units.flatMap((unit) => unit.changes.map(numbered)),
      newest,
    );
  }

  /** Delivers changes in the order of positions. Resolves when every subscriber has taken them. */
  async deliverChanges(changes: readonly Change[], newest: number): Promise<void> {
    if (changes.length > 0) {
      for (const listener of this.#listeners) {
        const taken = listener(changes);
        if (taken) await taken;
      }
    }
    this.#position = Math.max(this.#position, newest);
    for (const look of [...this.#waiting]) look();
  }

  /** Resolves when the changes up to a position were delivered, or after so many milliseconds. */
  async reached(position: number, patienceMs: number): Promise<void> {
    if (this.#position >= position) return;
    await new Promise<void>((resolve) => {
      const end = () => {
        clearTimeout(timer);
        this.#waiting.delete(look);
        resolve();
      };
      const look = () => {
        if (this.#position >= position) end();
      };
      const timer = setTimeout(end, patienceMs);
      this.#waiting.add(look);
    });
  }
}

function numbered(change: NewChange): Change {
  return {
    topic: change.topic,
    position: change.position.value,
    rooms: change.rooms ?? [],
    users: change.users ?? [],
    data: change.data ?? null,
    local: change.local,
    isOwn: true,
  };
}
