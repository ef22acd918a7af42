import { PowerLevels } from '../../protocol/auth/power-levels.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import type { PushEventRoom } from '../../protocol/push/push-event.ts';
import { roomVersion } from '../../protocol/room-versions.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';

/** A room as push rules see it. Its power levels are read once a rule asks for them, which few events make any do. */
export class PushRoom implements PushEventRoom {
  readonly memberCount: number;
  readonly #rooms: RoomReads;
  readonly #roomId: RoomId;
  #levels: PowerLevels | undefined | 'unread' = 'unread';
  /** A rule asked for the levels when they were not there. */
  #lacksLevels = false;

  constructor(rooms: RoomReads, roomId: RoomId, memberCount: number) {
    this.#rooms = rooms;
    this.#roomId = roomId;
    this.memberCount = memberCount;
  }

  senderMayNotify(sender: string, key: string): boolean {
    if (this.#levels === 'unread') {
      this.#lacksLevels = true;
      return false;
    }
    if (!this.#levels) return false;
    return this.#levels.userLevel(sender as UserId) >= this.#levels.notificationLevel(key);
  }

  /** What `evaluate` gives, which asks this room: at once, or where it asks for what was not read, once it is. */
  answer<Outcome extends object>(evaluate: () => Outcome): Outcome | Promise<Outcome> {
    this.#lacksLevels = false;
    const outcome = evaluate();
    return this.#lacksLevels ? this.#readLevels().then(evaluate) : outcome;
  }

  async #readLevels(): Promise<void> {
    const create = await this.#rooms.state(this.#roomId, 'm.room.create', '');
    const levels = await this.#rooms.state(this.#roomId, 'm.room.power_levels', '');
    const version = create?.content.room_version;
    this.#levels =
      create && new PowerLevels(roomVersion(typeof version === 'string' ? version : '1'), create, levels);
  }
}
