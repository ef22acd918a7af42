import type { RoomId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { Database } from '../../storage/database.ts';
import * as stickyEventsStore from '../../storage/rooms/sticky-events-store.ts';
import type { EventLog } from '../events/event-log.ts';
import type { StoredEvent } from '../events/stored-event.ts';

/** Rooms beyond which those whose events are sticky no more are looked for. */
const MANY_ROOMS = 1_000;

/**
 * Events that everybody in their room gets for a time, however far their timelines reach back (MSC4354). Which rooms have any
 * is known in memory, so that the others cost nothing.
 */
export class StickyEvents {
  readonly #database: Database;
  readonly #log: EventLog;
  readonly #clock: { now(): number };
  /** Until when rooms have sticky events, in ms. */
  readonly #rooms = new Map<RoomId, number>();
  #state: 'unknown' | 'loading' | 'known' = 'unknown';

  constructor(database: Database, log: EventLog, clock: { now(): number }) {
    this.#database = database;
    this.#log = log;
    this.#clock = clock;
    database.subscribe((changes) => {
      for (const change of changes) {
        if (change.topic === 'reset') this.#state = 'unknown';
        if (change.topic !== 'sticky') continue;
        const until = Number((change.data as JsonObject).until);
        for (const roomId of change.rooms) this.#note(roomId, until);
      }
    });
  }

  /** Whether the room may have sticky events. */
  mayBeIn(roomId: RoomId): boolean {
    if (this.#state === 'unknown') void this.#load();
    return this.#state !== 'known' || (this.#rooms.get(roomId) ?? 0) > this.#clock.now();
  }

  /** Those of a room after a position and up to another, the oldest first, as long as they are sticky. */
  async between(
    roomId: RoomId,
    range: { after: number; upTo: number; limit: number },
  ): Promise<StoredEvent[]> {
    if (!this.mayBeIn(roomId)) return [];
    const rows = await stickyEventsStore.between(this.#database, roomId, range, this.#clock.now());
    if (rows.length === 0) return [];
    const events = await this.#log.byIds(rows.map((row) => row.event_id));
    return events.filter((event) => event.stickyMs !== undefined).sort((a, b) => a.position - b.position);
  }

  async #load(): Promise<void> {
    this.#state = 'loading';
    try {
      const rows = await stickyEventsStore.rooms(this.#database, this.#clock.now());
      for (const row of rows) this.#note(row.room_id, row.expires_at);
      if (this.#isLoading()) this.#state = 'known';
    } catch {
      // The next who asks has it read again; until then every room is looked up.
      this.#state = 'unknown';
    }
  }

  #isLoading(): boolean {
    return this.#state === 'loading';
  }

  #note(roomId: RoomId, until: number): void {
    this.#rooms.set(roomId, Math.max(until, this.#rooms.get(roomId) ?? 0));
    if (this.#rooms.size % MANY_ROOMS !== 0) return;
    const now = this.#clock.now();
    for (const [known, end] of this.#rooms) if (end <= now) this.#rooms.delete(known);
  }
}
