import { LRUCache } from 'lru-cache';
import type { Change, Database, Topic } from './database.ts';

/** Newest position at which something of each topic changed. */
type Marks = Partial<Record<Topic, number>> & { newest: number };

/**
 * Remembers where in the log each room and user last changed, so that a sync with nothing new costs no query.
 * Bounded: what was forgotten counts as changed. Positions before the process started count as changed, too.
 */
export class RecentChanges {
  readonly #rooms: LRUCache<string, Marks>;
  readonly #users: LRUCache<string, Marks>;
  /** Whatever changed at or before this position may have been forgotten. */
  #roomFloor: number;
  #userFloor: number;

  /** @param limit the most rooms, and the most users, to remember. */
  constructor(database: Database, limit = 50_000) {
    this.#roomFloor = database.position();
    this.#userFloor = database.position();
    this.#rooms = new LRUCache({
      maxSize: limit,
      sizeCalculation: () => 1,
      dispose: (marks, _key, reason) => {
        if (reason === 'evict') this.#roomFloor = Math.max(this.#roomFloor, marks.newest);
      },
    });
    this.#users = new LRUCache({
      maxSize: limit,
      sizeCalculation: () => 1,
      dispose: (marks, _key, reason) => {
        if (reason === 'evict') this.#userFloor = Math.max(this.#userFloor, marks.newest);
      },
    });
    database.subscribe((changes) => {
      for (const change of changes) this.#note(change);
    });
  }

  /** Whether the room may have changed after `since`, in the given topic or in any. */
  roomChangedSince(roomId: string, since: number, topic?: Topic): boolean {
    return changed(this.#rooms.get(roomId), since, this.#roomFloor, topic);
  }

  /** Whether something addressed to the user may have changed after `since`, in the given topic or in any. */
  userChangedSince(userId: string, since: number, topic?: Topic): boolean {
    return changed(this.#users.get(userId), since, this.#userFloor, topic);
  }

  #note(change: Change): void {
    if (change.topic === 'reset') {
      this.#rooms.clear();
      this.#users.clear();
      this.#roomFloor = change.position;
      this.#userFloor = change.position;
      return;
    }
    for (const room of change.rooms) mark(this.#rooms, room, change);
    for (const user of change.users) mark(this.#users, user, change);
  }
}

function mark(marks: LRUCache<string, Marks>, key: string, change: Change): void {
  const found = marks.get(key);
  if (found) {
    found[change.topic] = change.position;
    found.newest = change.position;
  } else {
    marks.set(key, { [change.topic]: change.position, newest: change.position });
  }
}

function changed(marks: Marks | undefined, since: number, floor: number, topic?: Topic): boolean {
  if (since < floor) return true;
  if (!marks) return false;
  return (topic === undefined ? marks.newest : (marks[topic] ?? 0)) > since;
}
