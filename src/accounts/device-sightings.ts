import type { Timer, Timers } from '../platform/timers.ts';
import type { DeviceId, UserId } from '../protocol/identifiers.ts';
import type { Database } from '../storage/database.ts';
import * as devicesStore from '../storage/accounts/devices-store.ts';
import { UnitOfWork } from '../storage/unit-of-work.ts';

const WRITE_AFTER_MS = 1_000;
/** Characters kept of a user agent. */
const MAX_USER_AGENT = 255;

/** Where a device was seen. `at` in milliseconds. */
export interface Sighting {
  readonly userId: UserId;
  readonly deviceId: DeviceId;
  readonly at: number;
  readonly ip: string;
  readonly userAgent: string;
}

/** Writes down where devices were seen last, many at a time. */
export class DeviceSightings {
  readonly #database: Database;
  readonly #waiting = new Map<string, Sighting>();
  readonly #timers: Timers;
  #timer: Timer | undefined;

  constructor(database: Database, timers: Timers) {
    this.#database = database;
    this.#timers = timers;
  }

  /** Notes a sighting, to be written down soon. */
  note(sighting: Sighting): void {
    const userAgent = sighting.userAgent.slice(0, MAX_USER_AGENT);
    this.#waiting.set(`${sighting.userId}\0${sighting.deviceId}`, { ...sighting, userAgent });
    this.#timer ??= this.#timers.after(WRITE_AFTER_MS, () => void this.flush().catch(() => undefined));
  }

  /** Writes down what waits. Resolves when it is on disk. */
  async flush(): Promise<void> {
    this.#timer?.cancel();
    this.#timer = undefined;
    if (this.#waiting.size === 0) return;
    const unit = new UnitOfWork();
    for (const sighting of this.#waiting.values()) devicesStore.seen(unit, sighting);
    this.#waiting.clear();
    await this.#database.commit(unit);
  }
}
