import type { JsonObject, JsonValue } from '../../protocol/json.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';

/**
 * Content of an old room's state as the new room's version can have it: with integers alone, from version 6 on. Any other
 * number would keep the room from being made.
 */
export function transferredContent(content: JsonObject, next: RoomVersion): JsonObject {
  if (!next.strictCanonicalJson) return content;
  return JSON.parse(JSON.stringify(content), (_key, value: JsonValue) =>
    typeof value === 'number' ? toInteger(value) : value,
  ) as JsonObject;
}

function toInteger(value: number): number {
  return Math.min(Math.max(Math.trunc(value), Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER);
}
