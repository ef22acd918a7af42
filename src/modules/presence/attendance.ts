import type { UserId } from '../../protocol/identifiers.ts';

export type PresenceState = 'online' | 'unavailable' | 'offline';

/** How long a device is missed after its last sync should have ended, in milliseconds. */
const MISSED_MS = 30_000;
/** Who does nothing for so long is idle, whatever their clients say. */
const IDLE_AFTER_MS = 300_000;

interface Device {
  readonly wish: 'online' | 'unavailable';
  /** When it is gone, unless it is seen again. */
  readonly until: number;
}

interface Person {
  readonly devices: Map<string, Device>;
  /** When somebody last did something that others notice, or came. */
  activeAt: number;
}

/** Who is at this process, with which devices. Several devices make one presence: the liveliest counts. */
export class Attendance {
  readonly #people = new Map<UserId, Person>();

  /** A device is there, as long as a sync of `forMs` and a moment beyond. */
  seen(userId: UserId, device: string, wish: 'online' | 'unavailable', now: number, forMs: number): void {
    let person = this.#people.get(userId);
    if (!person) {
      person = { devices: new Map(), activeAt: now };
      this.#people.set(userId, person);
    }
    const before = person.devices.get(device);
    const isComing = before?.wish !== 'online' || before.until < now;
    if (wish === 'online' && isComing) person.activeAt = now;
    person.devices.set(device, { wish, until: now + forMs + MISSED_MS });
  }

  /** The user does something. Gives whether they are here. */
  active(userId: UserId, now: number): boolean {
    const person = this.#people.get(userId);
    if (person) person.activeAt = now;
    return person !== undefined;
  }

  /** A device says that it is gone. */
  gone(userId: UserId, device: string): void {
    this.#people.get(userId)?.devices.delete(device);
  }

  /** What the devices of a user amount to. */
  stateOf(userId: UserId, now: number): PresenceState {
    const person = this.#people.get(userId);
    let state: PresenceState = 'offline';
    for (const [device, { wish, until }] of person?.devices ?? []) {
      if (until < now) {
        person?.devices.delete(device);
        continue;
      }
      if (wish === 'online' && person && now - person.activeAt < IDLE_AFTER_MS) return 'online';
      state = 'unavailable';
    }
    return state;
  }

  /** When the user was last active here, in milliseconds; undefined for one who is not here. */
  activeAt(userId: UserId): number | undefined {
    return this.#people.get(userId)?.activeAt;
  }

  /** Everybody who was here lately. */
  people(): UserId[] {
    return [...this.#people.keys()];
  }

  /** Forgets one who is offline. */
  forget(userId: UserId): void {
    this.#people.delete(userId);
  }
}
