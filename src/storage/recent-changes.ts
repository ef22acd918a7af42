import { LRUCache } from 'lru-cache';
import { isJsonObject } from '../protocol/json.ts';
import type { Change, Database, Topic } from './database.ts';

/** What is remembered of a room or user: the topics, and of events those that changed a membership. */
type Marked = Topic | 'membership';

/** Newest position at which something of each topic changed; `newest` is of those that are a room's or user's own. */
type Marks = Partial<Record<Marked, number>> & { newest: number };

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
  /** Newest position of each topic, anywhere. */
  readonly #anywhere: Partial<Record<Topic, number>> = {};
  #anywhereFloor: number;

  /** @param limit the most rooms, and the most users, to remember. */
  constructor(database: Database, limit = 50_000) {
    this.#roomFloor = database.position();
    this.#userFloor = database.position();
    this.#anywhereFloor = database.position();
    this.#rooms = new LRUCache({
      maxSize: limit,
      sizeCalculation: () => 1,
      dispose: (marks, _key, reason) => {
        if (reason === 'evict') this.#roomFloor = Math.max(this.#roomFloor, newestOf(marks));
      },
    });
    this.#users = new LRUCache({
      maxSize: limit,
      sizeCalculation: () => 1,
      dispose: (marks, _key, reason) => {
        if (reason === 'evict') this.#userFloor = Math.max(this.#userFloor, newestOf(marks));
      },
    });
    database.subscribe((changes) => {
      for (const change of changes) this.#note(change);
    });
  }

  /** Whether anything of a topic may have changed after `since`, for anybody. */
  changedSince(since: number, topic: Topic): boolean {
    return since < this.#anywhereFloor || (this.#anywhere[topic] ?? 0) > since;
  }

  /**
   * Whether the room may have changed after `since`, in the given topic or in any. The device lists and the profiles of
   * its members are no part of the room: they count only when they are asked for.
   */
  roomChangedSince(roomId: string, since: number, topic?: Marked): boolean {
    return changed(this.#rooms.get(roomId), since, this.#roomFloor, topic);
  }

  /** Whether something addressed to the user may have changed after `since`, in the given topic or in any. */
  userChangedSince(userId: string, since: number, topic?: Marked): boolean {
    return changed(this.#users.get(userId), since, this.#userFloor, topic);
  }

  #note(change: Change): void {
    if (change.topic === 'reset') {
      this.#rooms.clear();
      this.#users.clear();
      this.#roomFloor = change.position;
      this.#userFloor = change.position;
      this.#anywhereFloor = change.position;
      return;
    }
    if (change.topic === 'history') return;
    this.#anywhere[change.topic] = change.position;
    const ofRooms = change.topic !== 'device-list' && change.topic !== 'profile';
    for (const room of change.rooms) mark(this.#rooms, room, change, ofRooms);
    for (const user of change.users) mark(this.#users, user, change, true);
  }
}

function mark(all: LRUCache<string, Marks>, key: string, change: Change, isOwn: boolean): void {
  let marks = all.get(key);
  if (!marks) {
    marks = { newest: 0 };
    all.set(key, marks);
  }
  marks[change.topic] = change.position;
  if (isOwn) marks.newest = change.position;
  const isRoomState = change.topic === 'event' || change.topic === 'state';
  if (isRoomState && isJsonObject(change.data) && change.data.membership !== undefined) {
    marks.membership = change.position;
  }
}

function newestOf(marks: Marks): number {
  return Math.max(marks.newest, marks['device-list'] ?? 0, marks.profile ?? 0);
}

function changed(marks: Marks | undefined, since: number, floor: number, topic?: Marked): boolean {
  if (since < floor) return true;
  if (!marks) return false;
  return (topic === undefined ? marks.newest : (marks[topic] ?? 0)) > since;
}
