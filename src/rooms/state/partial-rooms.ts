import type { Timers } from '../../platform/timers.ts';
import type { RoomId } from '../../protocol/identifiers.ts';
import type { Database } from '../../storage/database.ts';
import * as partialRoomsStore from '../../storage/rooms/partial-rooms-store.ts';
import { rootFromBytes, type StateRoot } from '../events/stored-event.ts';
import { stateChange } from '../events/room-changes.ts';

/** Where in the log the whole state of a room came, and the state that the room had right after it was joined. */
export interface Completion {
  readonly position: number;
  readonly joinRoot: StateRoot;
}

/**
 * Which rooms are here without their whole state: joined by way of another server, their members yet to come (Server-Server
 * API, "Joining Rooms", `omit_members`).
 */
export class PartialRooms {
  readonly #database: Database;
  readonly #timers: Timers;
  readonly #partial = new Map<RoomId, StateRoot>();
  readonly #completions = new Map<RoomId, Completion>();
  readonly #waiting = new Map<RoomId, Set<() => void>>();
  /** Those whose whole state nobody fetches now. */
  readonly #givenUp = new Set<RoomId>();
  #newestCompletion = 0;

  constructor(database: Database, timers: Timers) {
    this.#database = database;
    this.#timers = timers;
    database.subscribe(async (changes) => {
      for (const change of changes) {
        if (change.topic === 'reset') await this.load();
        const roomId = change.rooms[0];
        const kind = stateChange(change)?.partial;
        if (kind === undefined || roomId === undefined) continue;
        if (kind === 'begins') await this.#read(roomId);
        else this.#complete(roomId, change.position);
      }
    });
  }

  /** Reads what is known. Call it before the server answers. */
  async load(): Promise<void> {
    for (const row of await partialRoomsStore.all(this.#database)) this.#take(row);
  }

  isPartial(roomId: RoomId): boolean {
    return this.#partial.has(roomId);
  }

  /** How many rooms there are whose state is yet to come. */
  get count(): number {
    return this.#partial.size;
  }

  /** Rooms whose state is yet to come. */
  partialRooms(): RoomId[] {
    return [...this.#partial.keys()];
  }

  /** Rooms whose whole state came after a place in the log. */
  completedAfter(position: number): RoomId[] {
    if (this.#newestCompletion <= position) return [];
    const later = [...this.#completions].filter(([, completion]) => completion.position > position);
    return later.map(([roomId]) => roomId);
  }

  /** What a room was before its whole state came; undefined for rooms that were here whole from the beginning. */
  completionOf(roomId: RoomId): Completion | undefined {
    return this.#completions.get(roomId);
  }

  /** Calls back once the whole state is here or given up; at once where it is here. */
  onceComplete(roomId: RoomId, resume: () => void): void {
    if (!this.#partial.has(roomId)) return resume();
    const waiting = this.#waiting.get(roomId) ?? new Set();
    this.#waiting.set(roomId, waiting.add(resume));
  }

  /** Nobody fetches the whole state of a room, for nobody is in it: whoever waits for it need not. */
  giveUp(roomId: RoomId): void {
    this.#givenUp.add(roomId);
    this.#resume(roomId);
  }

  /** Whether nobody fetches the whole state of a room, as far as this process knows. */
  isGivenUp(roomId: RoomId): boolean {
    return this.#givenUp.has(roomId);
  }

  /** The whole state of a room that was given up is fetched again. */
  takeUpAgain(roomId: RoomId): void {
    this.#givenUp.delete(roomId);
  }

  /** Waits for the whole state as long as it is fetched, at most so many milliseconds. Whether it is here. */
  async whenComplete(roomId: RoomId, timeoutMs: number): Promise<boolean> {
    if (!this.#partial.has(roomId)) return true;
    if (this.#givenUp.has(roomId)) return false;
    const waiting = this.#waiting.get(roomId) ?? new Set();
    this.#waiting.set(roomId, waiting);
    await new Promise<void>((resolve) => {
      const done = () => {
        timer.cancel();
        waiting.delete(done);
        resolve();
      };
      const timer = this.#timers.after(timeoutMs, done);
      waiting.add(done);
    });
    return !this.#partial.has(roomId);
  }

  async #read(roomId: RoomId): Promise<void> {
    const row = await partialRoomsStore.of(this.#database, roomId);
    if (row) this.#take(row);
  }

  #take(row: partialRoomsStore.PartialRoomRow): void {
    const joinRoot = rootFromBytes(row.join_root);
    if (row.completed_at === null) this.#partial.set(row.room_id, joinRoot);
    else {
      this.#partial.set(row.room_id, joinRoot);
      this.#complete(row.room_id, row.completed_at);
    }
  }

  #complete(roomId: RoomId, position: number): void {
    const joinRoot = this.#partial.get(roomId);
    this.#partial.delete(roomId);
    if (joinRoot !== undefined) this.#completions.set(roomId, { position, joinRoot });
    this.#newestCompletion = Math.max(this.#newestCompletion, position);
    this.#givenUp.delete(roomId);
    this.#resume(roomId);
  }

  #resume(roomId: RoomId): void {
    for (const resume of [...(this.#waiting.get(roomId) ?? [])]) resume();
    this.#waiting.delete(roomId);
  }
}
