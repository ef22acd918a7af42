import type { RoomId, UserId } from '../protocol/identifiers.ts';
import { membershipChange } from '../rooms/events/room-changes.ts';
import type { Memberships } from '../rooms/membership/memberships.ts';
import type { Change, Database } from '../storage/database.ts';

/** Keeps track of what concerns one user. Called before the user's syncs are woken. */
export interface Watcher {
  /** A change for the user in a room, or one that is the user's whatever room it is in. */
  changed(change: Change, roomId: RoomId | undefined): void;
  /** It is told nothing more: what it gathered is outdated from now on. */
  ended(): void;
}

/** Somebody who syncs, or did a short while ago. */
interface Listener {
  readonly userId: UserId;
  watcher: Watcher | undefined;
  readonly rooms: Set<RoomId>;
  readonly waiting: Set<() => void>;
  /** Position of the newest change that concerns the user. */
  newest: number;
  /** Sweeps since anybody waited. */
  idleSweeps: number;
}

const SWEEP_MS = 30_000;

/**
 * Wakes waiting syncs. A change costs as much as there are people of its rooms waiting on this process, whatever the
 * size of the rooms.
 */
export class Notifier {
  readonly #database: Database;
  readonly #memberships: Memberships;
  readonly #listeners = new Map<UserId, Listener>();
  readonly #rooms = new Map<RoomId, Set<Listener>>();
  readonly #positions = new Set<() => void>();
  /** Those who read rooms without being in them. */
  readonly #peeking = new Map<RoomId, Set<() => void>>();
  readonly #sweeper: NodeJS.Timeout;

  /** Must be made after every other subscriber of the database: who is woken reads what the others keep. */
  constructor(database: Database, memberships: Memberships) {
    this.#database = database;
    this.#memberships = memberships;
    database.subscribe((changes) => {
      for (const change of changes) this.#deliver(change);
      for (const wake of [...this.#positions]) wake();
    });
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS).unref();
  }

  /** How many syncs wait now. */
  get waiting(): number {
    let count = 0;
    for (const listener of this.#listeners.values()) count += listener.waiting.size;
    return count;
  }

  /**
   * Resolves when something that concerns the user happened after `since`, when `deadline` (ms) has passed, or when
   * the signal aborts.
   */
  async wait(userId: UserId, since: number, deadlineMs: number, signal: AbortSignal): Promise<void> {
    const listener = await this.#listener(userId);
    if (listener.newest > since) return;
    await until(listener.waiting, deadlineMs, signal);
  }

  /** As `wait`, for what happens in a room, whoever asks. */
  async waitForRoom(roomId: RoomId, since: number, deadlineMs: number, signal: AbortSignal): Promise<void> {
    if (this.#database.position() > since) return;
    const waiting = this.#peeking.get(roomId) ?? new Set();
    this.#peeking.set(roomId, waiting);
    await until(waiting, deadlineMs, signal);
    if (waiting.size === 0 && this.#peeking.get(roomId) === waiting) this.#peeking.delete(roomId);
  }

  /** Resolves when this process has seen the position, or as `wait` does. */
  async reached(position: number, deadlineMs: number, signal: AbortSignal): Promise<void> {
    const end = performance.now() + deadlineMs;
    while (this.#database.position() < position && performance.now() < end && !signal.aborted) {
      await until(this.#positions, end - performance.now(), signal);
    }
  }

  /**
   * Tells the watcher of everything that concerns the user, as long as the user syncs; in place of one before. Gives the
   * position after which it is told.
   */
  async watch(userId: UserId, watcher: Watcher): Promise<number> {
    const listener = await this.#listener(userId);
    listener.watcher?.ended();
    listener.watcher = watcher;
    return Math.max(listener.newest, this.#database.position());
  }

  /** The user syncs without waiting: the watcher is needed on. */
  keep(userId: UserId): void {
    const listener = this.#listeners.get(userId);
    if (listener) listener.idleSweeps = 0;
  }

  /** Stops the timer. */
  close(): void {
    clearInterval(this.#sweeper);
  }

  async #listener(userId: UserId): Promise<Listener> {
    const known = this.#listeners.get(userId);
    if (known) {
      known.idleSweeps = 0;
      return known;
    }
    const rooms = await this.#memberships.joined(userId);
    const raced = this.#listeners.get(userId);
    if (raced) return raced;
    const listener: Listener = {
      userId,
      watcher: undefined,
      rooms: new Set(rooms),
      waiting: new Set(),
      // What came before anybody listened may have been for the user, and after what the caller has looked at.
      newest: this.#database.position(),
      idleSweeps: 0,
    };
    this.#listeners.set(userId, listener);
    for (const room of rooms) this.#join(listener, room);
    return listener;
  }

  #join(listener: Listener, roomId: RoomId): void {
    listener.rooms.add(roomId);
    const members = this.#rooms.get(roomId);
    if (members) members.add(listener);
    else this.#rooms.set(roomId, new Set([listener]));
  }

  #leave(listener: Listener, roomId: RoomId): void {
    listener.rooms.delete(roomId);
    const members = this.#rooms.get(roomId);
    members?.delete(listener);
    if (members?.size === 0) this.#rooms.delete(roomId);
  }

  #deliver(change: Change): void {
    if (change.topic === 'reset') {
      for (const listener of this.#listeners.values()) {
        wake(listener, change.position);
        this.#drop(listener);
      }
      for (const roomId of [...this.#peeking.keys()]) this.#wakePeeking(roomId);
      return;
    }
    if (change.topic === 'history') return;
    this.#follow(change);
    for (const userId of change.users) {
      const listener = this.#listeners.get(userId);
      if (!listener) continue;
      listener.watcher?.changed(change, undefined);
      wake(listener, change.position);
    }
    for (const roomId of change.rooms) {
      for (const listener of this.#rooms.get(roomId) ?? []) {
        listener.watcher?.changed(change, roomId);
        wake(listener, change.position);
      }
      this.#wakePeeking(roomId);
    }
  }

  #wakePeeking(roomId: RoomId): void {
    const waiting = this.#peeking.get(roomId);
    if (waiting) for (const resume of [...waiting]) resume();
  }

  #follow(change: Change): void {
    const changed = membershipChange(change);
    const listener = changed && this.#listeners.get(changed.userId);
    if (!listener) return;
    if (changed.membership === 'join') this.#join(listener, changed.roomId);
    else this.#leave(listener, changed.roomId);
  }

  #sweep(): void {
    for (const listener of this.#listeners.values()) {
      if (listener.waiting.size > 0) listener.idleSweeps = 0;
      else if (++listener.idleSweeps > 2) this.#drop(listener);
    }
  }

  #drop(listener: Listener): void {
    for (const roomId of [...listener.rooms]) this.#leave(listener, roomId);
    this.#listeners.delete(listener.userId);
    listener.watcher?.ended();
  }
}

function wake(listener: Listener, position: number): void {
  listener.newest = position;
  for (const resume of [...listener.waiting]) resume();
}

function until(waiting: Set<() => void>, deadlineMs: number, signal: AbortSignal): Promise<void> {
  if (signal.aborted || deadlineMs <= 0) return Promise.resolve();
  return new Promise((resolve) => {
    const done = () => {
      clearTimeout(timer);
      waiting.delete(done);
      signal.removeEventListener('abort', done);
      resolve();
    };
    const timer = setTimeout(done, deadlineMs);
    waiting.add(done);
    signal.addEventListener('abort', done);
  });
}
