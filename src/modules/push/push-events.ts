import { boundedCache } from '../../platform/bounded-cache.ts';
import { PowerLevels } from '../../protocol/auth/power-levels.ts';
import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import { PushEvent } from '../../protocol/push/push-event.ts';
import { roomVersion } from '../../protocol/room-versions.ts';
import type { LoggedEvent, RoomReads } from '../../rooms/room-reads.ts';
import type { Database } from '../../storage/database.ts';

const CACHED = 2_000;
const ROOMS_CACHED = 5_000;

/** Events made ready for push rules, once for all who are to be notified of them. */
export class PushEvents {
  readonly #rooms: RoomReads;
  readonly #cache = boundedCache<EventId, PushEvent>(CACHED);
  readonly #memberCounts = boundedCache<RoomId, Promise<number>>(ROOMS_CACHED);

  constructor(database: Database, rooms: RoomReads) {
    this.#rooms = rooms;
    database.subscribe((changes) => {
      for (const change of changes) {
        if (change.topic === 'reset') this.#memberCounts.clear();
        const isRoomState = change.topic === 'event' || change.topic === 'state';
        if (isRoomState && (change.data as JsonObject).membership !== undefined)
          for (const roomId of change.rooms) this.#memberCounts.delete(roomId);
      }
    });
  }

  async of(event: LoggedEvent): Promise<PushEvent> {
    const known = this.#cache.get(event.eventId);
    if (known) return known;
    const levels = mentionsRoom(event) ? await this.#levels(event.roomId) : undefined;
    const made = new PushEvent(
      {
        type: event.type,
        sender: event.sender,
        room_id: event.roomId,
        event_id: event.eventId,
        content: event.content,
        ...(event.stateKey === undefined ? {} : { state_key: event.stateKey }),
      },
      {
        memberCount: await this.#memberCount(event.roomId),
        senderMayNotify: (key) =>
          levels !== undefined && levels.userLevel(event.sender) >= levels.notificationLevel(key),
      },
    );
    this.#cache.set(event.eventId, made);
    return made;
  }

  #memberCount(roomId: RoomId): Promise<number> {
    let count = this.#memberCounts.get(roomId);
    if (!count) {
      count = this.#rooms.joinedCount(roomId);
      this.#memberCounts.set(roomId, count);
    }
    return count;
  }

  async #levels(roomId: RoomId): Promise<PowerLevels | undefined> {
    const create = await this.#rooms.state(roomId, 'm.room.create', '');
    if (!create) return undefined;
    const version = create.content.room_version;
    const levels = await this.#rooms.state(roomId, 'm.room.power_levels', '');
    return new PowerLevels(roomVersion(typeof version === 'string' ? version : '1'), create, levels);
  }
}

function mentionsRoom(event: LoggedEvent): boolean {
  const mentions = event.content['m.mentions'];
  const { body } = event.content;
  return (
    (isJsonObject(mentions) && mentions.room === true) || (typeof body === 'string' && body.includes('@room'))
  );
}
