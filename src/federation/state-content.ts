import { boundedCache } from '../platform/bounded-cache.ts';
import type { RoomId } from '../protocol/identifiers.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { EventLog } from '../rooms/events/event-log.ts';
import { eventChange } from '../rooms/events/room-changes.ts';
import type { Database } from '../storage/database.ts';

const MOST_ROOMS = 10_000;

/** The content of the state event of one type, with an empty state key, that rooms have now; in memory for rooms in use. */
export class StateContent {
  readonly #log: EventLog;
  readonly #type: string;
  readonly #known = boundedCache<RoomId, { content: JsonObject | undefined }>(MOST_ROOMS);
  #deliveries = 0;

  constructor(type: string, log: EventLog, database: Database) {
    this.#type = type;
    this.#log = log;
    database.subscribe((changes) => {
      this.#deliveries += 1;
      for (const change of changes) {
        if (change.topic === 'reset') this.#known.clear();
        const event = eventChange(change);
        const mayChange = change.topic === 'state' || event?.type === type || event?.redacted !== undefined;
        if (!mayChange) continue;
        for (const roomId of change.rooms) this.#known.delete(roomId);
      }
    });
  }

  /** Undefined where the room has no such event, or is unknown. */
  async of(roomId: RoomId): Promise<JsonObject | undefined> {
    const known = this.#known.get(roomId);
    if (known) return known.content;
    const deliveries = this.#deliveries;
    const content = (await this.#log.state(roomId, this.#type, ''))?.content;
    if (deliveries === this.#deliveries) this.#known.set(roomId, { content });
    return content;
  }
}
