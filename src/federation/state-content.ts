import { boundedCache } from '../platform/bounded-cache.ts';
import type { RoomId } from '../protocol/identifiers.ts';
import type { JsonObject } from '../protocol/json.ts';
import type { EventLog } from '../rooms/events/event-log.ts';
import { eventChange } from '../rooms/events/room-changes.ts';
import type { Database } from '../storage/database.ts';
import { ReadCache } from '../storage/read-cache.ts';

const MOST_ROOMS = 10_000;

/** The content of the state event of one type, with an empty state key, that rooms have now; in memory for rooms in use. */
export class StateContent {
  readonly #log: EventLog;
  readonly #type: string;
  readonly #known: ReadCache<RoomId, { content: JsonObject | undefined }>;

  constructor(type: string, log: EventLog, database: Database) {
    this.#type = type;
    this.#log = log;
    this.#known = new ReadCache(database, boundedCache(MOST_ROOMS), (change) => {
      const event = eventChange(change);
      const mayChange = change.topic === 'state' || event?.type === type || event?.redacted !== undefined;
      return mayChange ? change.rooms : [];
    });
  }

  /** Undefined where the room has no such event, or is unknown. */
  async of(roomId: RoomId): Promise<JsonObject | undefined> {
    const known = await this.#known.get(roomId, async () => ({
      content: (await this.#log.state(roomId, this.#type, ''))?.content,
    }));
    return known.content;
  }
}
