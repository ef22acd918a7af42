import { boundedCache } from '../../platform/bounded-cache.ts';
import { serverNameOf, type EventId, type RoomId, type ServerName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { roomVersion, type RoomVersion } from '../../protocol/room-versions.ts';
import type { EventLog } from '../../rooms/events/event-log.ts';
import { sentPdu } from '../../rooms/events/pdu-of-event.ts';
import type { Reader } from '../../storage/database.ts';
import * as roomsStore from '../../storage/rooms/rooms-store.ts';

const MOST_ROOMS = 20_000;

/** Events of the log as they are sent to other servers. */
export class OutgoingPdus {
  readonly #log: EventLog;
  readonly #reader: Reader;
  readonly #versions = boundedCache<RoomId, RoomVersion>(MOST_ROOMS);

  constructor(log: EventLog, reader: Reader) {
    this.#log = log;
    this.#reader = reader;
  }

  /** The events in the order asked for, without those that are not there, or that the other server sent itself. */
  async of(eventIds: readonly EventId[], to: ServerName): Promise<JsonObject[]> {
    const pdus: JsonObject[] = [];
    for (const eventId of eventIds) {
      const event = this.#log.inMemory(eventId) ?? (await this.#log.byId(eventId));
      if (!event || serverNameOf(event.sender) === to) continue;
      const version = this.#versions.get(event.roomId) ?? (await this.#readVersion(event.roomId));
      if (version) pdus.push(sentPdu(event, version));
    }
    return pdus;
  }

  async #readVersion(roomId: RoomId): Promise<RoomVersion | undefined> {
    const room = await roomsStore.byId(this.#reader, roomId);
    if (!room) return undefined;
    const version = roomVersion(room.room_version);
    this.#versions.set(roomId, version);
    return version;
  }
}
