import { boundedCache } from '../platform/bounded-cache.ts';
import type { DeviceId, RoomId, UserId } from '../protocol/identifiers.ts';

/** Devices and rooms whose sent members are remembered. */
const REMEMBERED = 5_000;
/** Members remembered for each. */
const MEMBERS = 500;

/**
 * Which membership events a device was sent already when it loads members lazily. Forgetting only means that some are
 * sent again, which the specification allows.
 */
export class LazyMembers {
  readonly #sent = boundedCache<string, Set<UserId>>(REMEMBERED);

  /** Those of the users whose membership the device was not sent yet; from now on they count as sent. */
  unsent(
    reader: { userId: UserId; deviceId: DeviceId | undefined },
    roomId: RoomId,
    users: Iterable<UserId>,
  ): UserId[] {
    const key = `${reader.userId}\0${reader.deviceId ?? ''}\0${roomId}`;
    let sent = this.#sent.get(key);
    if (!sent || sent.size > MEMBERS) {
      sent = new Set();
      this.#sent.set(key, sent);
    }
    const fresh: UserId[] = [];
    for (const user of users) {
      if (sent.has(user)) continue;
      sent.add(user);
      fresh.push(user);
    }
    return fresh;
  }

  /** The device begins the room anew. */
  forget(reader: { userId: UserId; deviceId: DeviceId | undefined }, roomId: RoomId): void {
    this.#sent.delete(`${reader.userId}\0${reader.deviceId ?? ''}\0${roomId}`);
  }
}
