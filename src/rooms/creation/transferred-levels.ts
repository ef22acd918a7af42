import { LEVELS } from '../../protocol/auth/power-level-rules.ts';
import { parseLevel } from '../../protocol/auth/power-levels.ts';
import type { UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonObject } from '../../protocol/json.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';
import { transferredContent } from './transferred-content.ts';

/** Maps of levels in m.room.power_levels. */
const MAPS = ['events', 'notifications', 'users'];

/** Who makes the room that replaces another. */
export interface Successors {
  readonly creator: UserId;
  readonly additionalCreators: readonly string[];
}

/**
 * The old room's power levels as the new room's version can have them (Client-Server API, "Room upgrades"): as integers,
 * which every version takes, and without those who are its creators from version 12 on.
 */
export function transferredLevels(
  levels: JsonObject,
  versions: { readonly old: RoomVersion; readonly next: RoomVersion },
  { creator, additionalCreators }: Successors,
): JsonObject {
  const taken = transferredContent(asIntegers(levels, versions.old), versions.next);
  const users = { ...levelsIn(taken.users) };
  if (!versions.next.roomIdIsCreateHash) {
    return { ...taken, users: { ...users, [creator]: Math.max(100, users[creator] ?? 100) } };
  }
  for (const userId of [creator, ...additionalCreators]) delete users[userId];
  const events = levelsIn(taken.events);
  const raised = Math.max(events['m.room.tombstone'] ?? 0, levelIn(taken, 'state_default', 50) + 1, 150);
  return { ...taken, users, events: { ...events, 'm.room.tombstone': raised } };
}

/**
 * The levels that let the creator send all the state that is transferred, and ban who is banned, before the transferred
 * ones hold: the old room may ask more for it than its upgrader has. The same object where those suffice.
 *
 * @param levels what `transferredLevels` gave for a version below 12. Creators from there on may do everything.
 */
export function levelsForTransfer(
  levels: JsonObject,
  creator: UserId,
  banned: readonly string[],
): JsonObject {
  const users = levelsIn(levels.users);
  const usersDefault = levelIn(levels, 'users_default', 0);
  let needed = Math.max(levelIn(levels, 'state_default', 50), ...Object.values(levelsIn(levels.events)));
  if (banned.length > 0) needed = Math.max(needed, levelIn(levels, 'ban', 50));
  for (const userId of banned) needed = Math.max(needed, (users[userId] ?? usersDefault) + 1);
  if ((users[creator] ?? usersDefault) >= needed) return levels;
  return { ...levels, users: { ...users, [creator]: Math.min(needed, Number.MAX_SAFE_INTEGER) } };
}

/** Levels that a version does not read are left out: there they count as absent. */
function asIntegers(levels: JsonObject, version: RoomVersion): JsonObject {
  const taken: JsonObject = { ...levels };
  for (const key of [...LEVELS, ...MAPS]) delete taken[key];
  Object.assign(taken, integersIn(levels, LEVELS, version));
  for (const key of MAPS) {
    const map = levels[key];
    if (isJsonObject(map)) taken[key] = integersIn(map, Object.keys(map), version);
  }
  return taken;
}

function integersIn(
  levels: JsonObject,
  keys: readonly string[],
  version: RoomVersion,
): Record<string, number> {
  return Object.fromEntries(
    keys.flatMap((key) => {
      const level = Object.hasOwn(levels, key) ? parseLevel(levels[key], version) : undefined;
      if (level === undefined) return [];
      return [[key, Math.min(Math.max(level, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)]];
    }),
  );
}

function levelsIn(map: unknown): Readonly<Record<string, number>> {
  return isJsonObject(map) ? (map as Record<string, number>) : {};
}

function levelIn(levels: JsonObject, key: string, otherwise: number): number {
  const level = levels[key];
  return typeof level === 'number' ? level : otherwise;
}
