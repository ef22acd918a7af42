import { inParts } from '../../platform/list-parts.ts';
import { every, type Timer, type Timers } from '../../platform/timers.ts';
import type { RoomId } from '../../protocol/identifiers.ts';
import type { PartialRooms } from '../../rooms/state/partial-rooms.ts';
import type { Change, Database } from '../../storage/database.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';

/** How often processes tell each other whose state they fetch, and look what nobody told of, in milliseconds. */
export const LOOK_MS = 20_000;
/** Looks without a word about a room after which the process that fetched its state is taken for dead. */
export const LOOKS_MISSED = 3;
/** Room IDs that fit into one change. */
const NAMES = 8;

interface Needs {
  readonly database: Database;
  readonly partial: PartialRooms;
  readonly timers: Timers;
  /** Whether this process fetches the state of a room. */
  readonly isAt: (roomId: RoomId) => boolean;
  /** Has this process fetch it. */
  readonly takeOver: (roomId: RoomId) => void;
  readonly onProblem: (error: unknown) => void;
}

/**
 * Finds rooms whose whole state is yet to come and whose process has died: it would have said that it is at it. Where there is
 * one process only, nothing is left behind but by itself, which it goes on with at its start.
 */
export class RoomsLeftBehind {
  readonly #needs: Needs;
  /** How many looks ago rooms were heard of last, of those that are not this process's. */
  readonly #missed = new Map<RoomId, number>();
  #timer: Timer | undefined;

  constructor(needs: Needs) {
    this.#needs = needs;
    needs.database.subscribe((changes) => {
      for (const change of changes) this.#hear(change);
    });
  }

  /** Begins to look. */
  start(): void {
    const { database, timers, onProblem } = this.#needs;
    if (database.engine === 'sqlite') return;
    this.#timer = every(timers, LOOK_MS, () => this.#look().catch(onProblem));
  }

  /** Looks no more. */
  stop(): void {
    this.#timer?.cancel();
  }

  #hear({ topic, data, isOwn }: Change): void {
    if (topic !== 'partial-room' || isOwn || !Array.isArray(data)) return;
    for (const roomId of data) this.#missed.delete(roomId as RoomId);
  }

  async #look(): Promise<void> {
    const { partial, isAt, takeOver } = this.#needs;
    const rooms = partial.partialRooms();
    for (const roomId of this.#missed.keys()) if (!partial.isPartial(roomId)) this.#missed.delete(roomId);
    for (const roomId of rooms) {
      if (isAt(roomId) || partial.isGivenUp(roomId)) this.#missed.delete(roomId);
      else this.#miss(roomId, takeOver);
    }
    await this.#tell(rooms.filter(isAt));
  }

  #miss(roomId: RoomId, takeOver: (roomId: RoomId) => void): void {
    const missed = (this.#missed.get(roomId) ?? 0) + 1;
    this.#missed.set(roomId, missed);
    if (missed >= LOOKS_MISSED) takeOver(roomId);
  }

  async #tell(rooms: readonly RoomId[]): Promise<void> {
    if (rooms.length === 0) return;
    const unit = new UnitOfWork();
    for (const data of inParts(rooms, NAMES)) {
      unit.announce({ topic: 'partial-room', position: unit.position(), data });
    }
    await this.#needs.database.commit(unit);
  }
}
