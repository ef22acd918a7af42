import type { SyncRequest } from '../modules/sync-part.ts';
import { boundedCache } from '../platform/bounded-cache.ts';
import type { RoomId, UserId } from '../protocol/identifiers.ts';
import type { StoredEvent } from '../rooms/events/stored-event.ts';

/** Devices and rooms whose sent members are remembered. */
const REMEMBERED = 5_000;
/** Members remembered for each. */
const MEMBERS = 500;

/** Who is answered, up to which place in the log, and up to which they have everything. */
type Reader = Pick<SyncRequest, 'userId' | 'deviceId' | 'since' | 'upTo'>;

/**
 * Which membership events a device was sent already when it loads members lazily. Forgetting only means that some are
 * sent again, which the specification allows.
 */
export class LazyMembers {
  /** By device and room: up to where the answers were that brought the memberships. */
  readonly #sent = boundedCache<string, Map<UserId, number>>(REMEMBERED);

  /** Those of the users whose membership is not known to have reached the device: it may have lost newer answers. */
  unsent(reader: Reader, roomId: RoomId, users: Iterable<UserId>): UserId[] {
    const sent = this.#sent.get(keyOf(reader, roomId));
    const { since } = reader;
    const hasReached = (user: UserId) => since !== undefined && (sent?.get(user) ?? Infinity) <= since;
    return [...users].filter((user) => !hasReached(user));
  }

  /** What of these events are memberships is in the answer. */
  send(reader: Reader, roomId: RoomId, events: readonly StoredEvent[]): void {
    const users = events.filter((event) => event.type === 'm.room.member').map(({ stateKey }) => stateKey);
    if (users.length === 0) return;
    const key = keyOf(reader, roomId);
    let sent = this.#sent.get(key);
    if (!sent || sent.size > MEMBERS) {
      sent = new Map();
      this.#sent.set(key, sent);
    }
    for (const user of this.unsent(reader, roomId, users as UserId[])) sent.set(user, reader.upTo);
  }

  /** The device begins the room anew. */
  forget(reader: Reader, roomId: RoomId): void {
    this.#sent.delete(keyOf(reader, roomId));
  }
}

function keyOf({ userId, deviceId }: Reader, roomId: RoomId): string {
  return `${userId}\0${deviceId ?? ''}\0${roomId}`;
}
