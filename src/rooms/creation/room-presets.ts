import type { UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';

export type Preset = 'private_chat' | 'trusted_private_chat' | 'public_chat';

const PRIVATE: Readonly<Record<string, JsonObject>> = {
  'm.room.join_rules': { join_rule: 'invite' },
  'm.room.history_visibility': { history_visibility: 'shared' },
  'm.room.guest_access': { guest_access: 'can_join' },
};

/** State that the presets of createRoom stand for; guests are kept out of rooms without m.room.guest_access. */
export const PRESETS: Readonly<Record<Preset, Readonly<Record<string, JsonObject>>>> = {
  private_chat: PRIVATE,
  trusted_private_chat: PRIVATE,
  public_chat: {
    'm.room.join_rules': { join_rule: 'public' },
    'm.room.history_visibility': { history_visibility: 'shared' },
  },
};

/**
 * The first power levels of a room: everything at the defaults of the specification but for events that change who may
 * do what, which need 100, and from version 12 on m.room.tombstone above that. Into a public room everybody comes
 * without an invite: who sends them must be trusted, and so is who vouches for others if it is restricted later.
 *
 * @param trusted users who get the creator's level; in version 12 they are creators themselves and must not be listed.
 */
export function defaultPowerLevels(
  version: RoomVersion,
  preset: Preset,
  creator: UserId,
  trusted: readonly UserId[],
): JsonObject {
  const users: JsonObject = {};
  if (!version.roomIdIsCreateHash) for (const userId of [creator, ...trusted]) users[userId] = 100;
  return {
    ban: 50,
    events: {
      'm.room.avatar': 50,
      'm.room.canonical_alias': 50,
      'm.room.encryption': 100,
      'm.room.history_visibility': 100,
      'm.room.name': 50,
      'm.room.power_levels': 100,
      'm.room.server_acl': 100,
      'm.room.tombstone': version.roomIdIsCreateHash ? 150 : 100,
    },
    events_default: 0,
    historical: 100,
    invite: preset === 'public_chat' ? 50 : 0,
    kick: 50,
    redact: 50,
    state_default: 50,
    users,
    users_default: 0,
  };
}
