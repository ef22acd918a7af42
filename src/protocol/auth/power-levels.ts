import type { RoomEvent } from '../events/event.ts';
import type { UserId } from '../identifiers.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import type { RoomVersion } from '../room-versions.ts';

type LevelEvent = Pick<RoomEvent, 'sender' | 'content'>;

const NO_CONTENT: JsonObject = {};

/**
 * A level as a room version reads it: a JSON integer, or before version 10 also what Python's int() takes. Undefined
 * for anything else.
 */
export function parseLevel(value: unknown, version: RoomVersion): number | undefined {
  if (typeof value === 'number') {
    if (Number.isSafeInteger(value)) return value;
    return version.integerPowerLevels || !Number.isFinite(value) ? undefined : Math.trunc(value);
  }
  if (typeof value !== 'string' || version.integerPowerLevels) return undefined;
  if (!/^\s*[+-]?\d+\s*$/.test(value)) return undefined;
  const level = Number(value);
  return Number.isFinite(level) ? level : undefined;
}

/** Who may do what in a room (Client-Server API, m.room.power_levels), from its create and power levels events. */
export class PowerLevels {
  readonly #version: RoomVersion;
  readonly #create: LevelEvent;
  /** Undefined when the room has no m.room.power_levels. */
  readonly #content: JsonObject | undefined;
  readonly #users: JsonObject;
  readonly #events: JsonObject;

  constructor(version: RoomVersion, create: LevelEvent, levels: Pick<RoomEvent, 'content'> | undefined) {
    this.#version = version;
    this.#create = create;
    this.#content = levels?.content;
    this.#users = objectIn(this.#content, 'users');
    this.#events = objectIn(this.#content, 'events');
  }

  /** Level of a user; Infinity for creators from version 12 on. */
  userLevel(userId: UserId): number {
    if (this.#version.roomIdIsCreateHash && this.isCreator(userId)) return Infinity;
    if (!this.#content) return this.isCreator(userId) ? 100 : 0;
    const own = Object.hasOwn(this.#users, userId)
      ? parseLevel(this.#users[userId], this.#version)
      : undefined;
    return own ?? this.#number('users_default', 0);
  }

  /** Level that sending an event of this type takes. */
  requiredFor(type: string, isState: boolean): number {
    const own = Object.hasOwn(this.#events, type) ? parseLevel(this.#events[type], this.#version) : undefined;
    if (own !== undefined) return own;
    if (!isState) return this.#number('events_default', 0);
    return this.#number('state_default', this.#content ? 50 : 0);
  }

  get ban(): number {
    return this.#number('ban', 50);
  }

  get kick(): number {
    return this.#number('kick', 50);
  }

  get invite(): number {
    return this.#number('invite', 0);
  }

  get redact(): number {
    return this.#number('redact', 50);
  }

  /** Level that a notification such as `room` takes. */
  notificationLevel(key: string): number {
    const levels = objectIn(this.#content, 'notifications');
    return (Object.hasOwn(levels, key) ? parseLevel(levels[key], this.#version) : undefined) ?? 50;
  }

  /** Whether the user made the room; from version 12 on also the additional creators. */
  isCreator(userId: UserId): boolean {
    if (this.#version.roomIdIsCreateHash) {
      const { additional_creators: additional } = this.#create.content;
      return this.#create.sender === userId || (Array.isArray(additional) && additional.includes(userId));
    }
    return (this.#version.updatedRedaction ? this.#create.sender : this.#create.content.creator) === userId;
  }

  #number(key: string, otherwise: number): number {
    const content = this.#content ?? NO_CONTENT;
    return (Object.hasOwn(content, key) ? parseLevel(content[key], this.#version) : undefined) ?? otherwise;
  }
}

function objectIn(content: JsonObject | undefined, key: string): JsonObject {
  const value = content && Object.hasOwn(content, key) ? content[key] : undefined;
  return isJsonObject(value) ? value : NO_CONTENT;
}
