import type { RoomId, ServerName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { PartialRooms } from '../../rooms/partial-rooms.ts';

/** Events held for one room, and rooms for which some are held. */
const MOST_EVENTS = 100;
const MOST_ROOMS = 20;

/** Events as one server sent them. */
export interface Batch {
  readonly origin: ServerName;
  readonly pdus: readonly JsonObject[];
}

/**
 * Events of rooms whose whole state is not here yet, which came too early to be judged. They are looked at once it is. They
 * are held in memory, the newest of a room: what is lost of them is asked for with the next event that follows it.
 */
export class HeldEvents {
  readonly #partial: PartialRooms;
  readonly #release: (roomId: RoomId, batch: Batch) => Promise<unknown>;
  readonly #onProblem: (error: unknown) => void;
  readonly #held = new Map<RoomId, Batch[]>();

  constructor(needs: {
    partial: PartialRooms;
    release: (roomId: RoomId, batch: Batch) => Promise<unknown>;
    onProblem: (error: unknown) => void;
  }) {
    this.#partial = needs.partial;
    this.#release = needs.release;
    this.#onProblem = needs.onProblem;
  }

  /** Holds events until the room is whole. */
  hold(roomId: RoomId, batch: Batch): void {
    const known = this.#held.get(roomId);
    if (!known && this.#held.size >= MOST_ROOMS) return;
    const batches = [...(known ?? []), batch];
    while (batches.length > 1 && countOf(batches) > MOST_EVENTS) batches.shift();
    this.#held.set(roomId, batches);
    if (!known) this.#partial.onceComplete(roomId, () => void this.#releaseAll(roomId));
  }

  async #releaseAll(roomId: RoomId): Promise<void> {
    const batches = this.#held.get(roomId) ?? [];
    this.#held.delete(roomId);
    try {
      for (const batch of batches) await this.#release(roomId, batch);
    } catch (error) {
      this.#onProblem(error);
    }
  }
}

function countOf(batches: readonly Batch[]): number {
  return batches.reduce((sum, { pdus }) => sum + pdus.length, 0);
}
