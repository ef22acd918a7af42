import type { UserId } from '../../protocol/identifiers.ts';

/** `free_for_chat` is of 2015: online, and rather talked to than not. */
export type PresenceState = 'free_for_chat' | 'online' | 'unavailable' | 'offline';

/** Levels of availability (presence.rst of October 2015). */
export const AVAILABILITY: Readonly<Record<PresenceState, number>> = {
  offline: 0,
  unavailable: 1,
  online: 2,
  free_for_chat: 3,
};

/** How long a device is missed after its last sync should have ended, in milliseconds. */
const MISSED_MS = 30_000;
/** Who does nothing for so long is idle, whatever their clients say. */
const IDLE_AFTER_MS = 300_000;

interface Device {
  readonly wish: Exclude<PresenceState, 'offline'>;
  readonly seenAt: number;
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

  /**
   * A device is there, as long as a sync of `forMs` and a moment beyond. To become more available than before is to do
   * something.
   */
  seen(
    userId: UserId,
    device: string,
    wish: Exclude<PresenceState, 'offline'>,
    now: number,
    forMs: number,
  ): void {
    let person = this.#people.get(userId);
    if (!person) {
      person = { devices: new Map(), activeAt: now };
      this.#people.set(userId, person);
    }
    const before = person.devices.get(device);
    const was = before && before.until >= now ? before.wish : 'offline';
    if (AVAILABILITY[wish] > AVAILABILITY[was]) person.activeAt = now;
    person.devices.set(device, { wish, seenAt: now, until: now + forMs + MISSED_MS });
  }

  /** What a device said of itself last, while that holds. */
  wishOf(userId: UserId, device: string, now: number): PresenceState {
    const said = this.#people.get(userId)?.devices.get(device);
    return said && said.until >= now ? said.wish : 'offline';
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
    if (!person) return 'offline';
    setBack(person, now);
    const isActive = now - person.activeAt < IDLE_AFTER_MS;
    let state: PresenceState = 'offline';
    for (const [device, { wish, until }] of person.devices) {
      if (until < now) {
        person.devices.delete(device);
        continue;
      }
      const amount = isActive ? wish : 'unavailable';
      if (AVAILABILITY[amount] > AVAILABILITY[state]) state = amount;
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

/** Where the clock was set back: nobody knows how long ago somebody was there, so it was just now. */
function setBack(person: Person, now: number): void {
  person.activeAt = Math.min(person.activeAt, now);
  for (const [device, { wish, seenAt, until }] of person.devices) {
    if (seenAt > now) person.devices.set(device, { wish, seenAt: now, until: now + until - seenAt });
  }
}
