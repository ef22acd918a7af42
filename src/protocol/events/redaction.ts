import { isJsonObject, type JsonObject, type JsonValue } from '../json.ts';
import { keepSpelling } from '../number-spelling.ts';
import type { RoomVersion } from '../room-versions.ts';
import type { Pdu } from './event.ts';

const KEPT_ALWAYS = [
  'event_id',
  'type',
  'room_id',
  'sender',
  'state_key',
  'content',
  'hashes',
  'signatures',
  'depth',
  'prev_events',
  'auth_events',
  'origin_server_ts',
] as const;
const KEPT_SINCE_11: ReadonlySet<string> = new Set(KEPT_ALWAYS);
const KEPT_BEFORE_11: ReadonlySet<string> = new Set([...KEPT_ALWAYS, 'prev_state', 'origin', 'membership']);

const POWER_LEVELS = [
  'ban',
  'events',
  'events_default',
  'kick',
  'redact',
  'state_default',
  'users',
  'users_default',
];

/**
 * The event with only what a redaction leaves (the room version's "Redactions"). A new object; its values are shared
 * with the event. The rules differ between versions 1-5, 6-7, 8, 9-10 and 11-12.
 */
export function redact(pdu: Pdu, version: RoomVersion): Pdu {
  const kept: JsonObject = {};
  for (const key of Object.keys(pdu)) {
    if (survivesRedaction(key, version)) kept[key] = pdu[key];
  }
  keepSpelling(pdu, kept);
  const { type, sender, depth, origin_server_ts } = pdu;
  const content = redactContent(type, pdu.content, version);
  return Object.assign(kept, { type, sender, depth, origin_server_ts, content });
}

/** Whether a top-level key of an event survives redaction. */
export function survivesRedaction(key: string, version: RoomVersion): boolean {
  return (version.updatedRedaction ? KEPT_SINCE_11 : KEPT_BEFORE_11).has(key);
}

/** What redaction leaves of the content of an event of this type: the same object when it leaves everything. */
export function redactContent(type: string, content: JsonObject, version: RoomVersion): JsonObject {
  switch (type) {
    case 'm.room.member':
      return redactMember(content, version);
    case 'm.room.create':
      return version.updatedRedaction ? content : pick(content, ['creator']);
    case 'm.room.join_rules':
      return pick(content, version.restricted ? ['join_rule', 'allow'] : ['join_rule']);
    case 'm.room.power_levels':
      return pick(content, version.updatedRedaction ? [...POWER_LEVELS, 'invite'] : POWER_LEVELS);
    case 'm.room.aliases':
      return version.specialAliases ? pick(content, ['aliases']) : {};
    case 'm.room.history_visibility':
      return pick(content, ['history_visibility']);
    case 'm.room.redaction':
      return version.updatedRedaction ? pick(content, ['redacts']) : {};
    default:
      return {};
  }
}

function redactMember(content: JsonObject, version: RoomVersion): JsonObject {
  const kept = pick(
    content,
    version.redactionKeepsAuthorisedVia ? ['membership', 'join_authorised_via_users_server'] : ['membership'],
  );
  const invite: JsonValue | undefined = content.third_party_invite;
  if (version.updatedRedaction && isJsonObject(invite)) kept.third_party_invite = pick(invite, ['signed']);
  return kept;
}

function pick(object: JsonObject, keys: readonly string[]): JsonObject {
  const picked: JsonObject = {};
  for (const key of keys) {
    if (Object.hasOwn(object, key)) picked[key] = object[key];
  }
  keepSpelling(object, picked);
  return picked;
}
