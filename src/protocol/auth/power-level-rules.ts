import type { RoomEvent } from '../events/event.ts';
import { parseUserId, type UserId } from '../identifiers.ts';
import { isJsonObject, type JsonObject } from '../json.ts';
import type { RoomVersion } from '../room-versions.ts';
import { ALLOWED, refuse, refuseForm, type AuthResult } from './auth-result.ts';
import { parseLevel, type PowerLevels } from './power-levels.ts';

/** Keys of m.room.power_levels that are one level each. */
export const LEVELS = [
  'users_default',
  'events_default',
  'state_default',
  'ban',
  'redact',
  'kick',
  'invite',
] as const;

/** The auth rules about m.room.power_levels. `levels` are those in force, `before` the event they come from. */
export function checkPowerLevels(
  version: RoomVersion,
  event: RoomEvent,
  before: RoomEvent | undefined,
  levels: PowerLevels,
): AuthResult {
  const wrong = checkForm(version, event.content, levels);
  if (wrong) return refuseForm(wrong);
  if (!before) return ALLOWED;
  const refused = checkChanges(version, event, before, levels.userLevel(event.sender));
  return refused === undefined ? ALLOWED : refuse(refused);
}

function checkForm(version: RoomVersion, content: JsonObject, levels: PowerLevels): string | undefined {
  if (version.integerPowerLevels) {
    for (const key of LEVELS) {
      if (content[key] !== undefined && !Number.isSafeInteger(content[key]))
        return `"${key}" must be an integer`;
    }
    for (const key of ['events', 'notifications']) {
      const map = content[key];
      if (map === undefined) continue;
      if (!isJsonObject(map) || !Object.values(map).every(Number.isSafeInteger)) {
        return `"${key}" must be an object with integers`;
      }
    }
  }
  for (const key of LEVELS) {
    const level = content[key];
    if (isOutOfRange(level)) return `"${key}" is out of range`;
  }
  for (const key of ['events', 'notifications']) {
    const map = content[key];
    if (isJsonObject(map) && Object.values(map).some(isOutOfRange))
      return `A level in "${key}" is out of range`;
  }
  const users = content.users;
  if (users === undefined) return undefined;
  if (!isJsonObject(users)) return '"users" must be an object';
  for (const [userId, level] of Object.entries(users)) {
    if (!parseUserId(userId)) return `"${userId}" in "users" is not a user ID`;
    if (parseLevel(level, version) === undefined) return `The level of ${userId} must be an integer`;
    if (version.roomIdIsCreateHash && levels.isCreator(userId as UserId)) {
      return `${userId} created the room and must not be in "users"`;
    }
  }
  return undefined;
}

/** Whether it is a number that no double can hold. */
function isOutOfRange(level: unknown): boolean {
  return typeof level === 'number' && !Number.isFinite(level);
}

function checkChanges(
  version: RoomVersion,
  event: RoomEvent,
  before: RoomEvent,
  own: number,
): string | undefined {
  const maps = version.checkNotificationLevels ? ['events', 'notifications'] : ['events'];
  const changes = [
    ...changed(version, pick(before.content), pick(event.content), ''),
    ...maps.flatMap((key) => changed(version, before.content[key], event.content[key], `${key}.`)),
  ];
  for (const { name, was, is } of changes) {
    if (was !== undefined && was > own) return `"${name}" is above your power level: you cannot change it`;
    if (is !== undefined && is > own) return `You cannot raise "${name}" above your power level`;
  }
  for (const { name, was, is } of changed(version, before.content.users, event.content.users, '')) {
    if (was !== undefined && name !== event.sender && was >= own) {
      return `The power level of ${name} is not below yours: you cannot change it`;
    }
    if (is !== undefined && is > own) return `You cannot raise ${name} above your power level`;
  }
  return undefined;
}

interface LevelChange {
  readonly name: string;
  readonly was: number | undefined;
  readonly is: number | undefined;
}

function changed(version: RoomVersion, before: unknown, after: unknown, prefix: string): LevelChange[] {
  const [old, fresh] = [isJsonObject(before) ? before : {}, isJsonObject(after) ? after : {}];
  const found: LevelChange[] = [];
  for (const name of new Set([...Object.keys(old), ...Object.keys(fresh)])) {
    const was = Object.hasOwn(old, name) ? parseLevel(old[name], version) : undefined;
    const is = Object.hasOwn(fresh, name) ? parseLevel(fresh[name], version) : undefined;
    if (was !== is) found.push({ name: prefix + name, was, is });
  }
  return found;
}

function pick(content: JsonObject): JsonObject {
  const picked: JsonObject = {};
  for (const key of LEVELS) if (content[key] !== undefined) picked[key] = content[key];
  return picked;
}
