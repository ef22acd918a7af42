import { parseUserId, type UserId } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { badJson, invalidParam } from '../../protocol/matrix-error.ts';
import type { RoomVersion } from '../../protocol/room-versions.ts';
import type { Preset } from './room-presets.ts';

/**
 * The content of m.room.create: what the creator asks for, and what the room version says of creators.
 *
 * @param invitees who become creators, too, in a room of version 12 made for people who trust each other.
 * @throws MatrixError 400 for `additional_creators` that is not a list of user IDs.
 */
export function creationContent(
  version: RoomVersion,
  creator: UserId,
  asked: JsonObject,
  preset: Preset,
  invitees: readonly UserId[],
): JsonObject {
  const content: JsonObject = { ...asked, room_version: version.id };
  if (version.updatedRedaction) delete content.creator;
  else content.creator = creator;
  if (!version.roomIdIsCreateHash) return content;
  const additional = additionalCreators(asked.additional_creators);
  if (preset === 'trusted_private_chat') for (const userId of invitees) additional.add(userId);
  additional.delete(creator);
  if (additional.size > 0) content.additional_creators = [...additional];
  else delete content.additional_creators;
  return content;
}

function additionalCreators(asked: unknown): Set<string> {
  if (asked === undefined) return new Set();
  if (!Array.isArray(asked)) throw badJson('"additional_creators" must be a list of user IDs');
  for (const id of asked) {
    if (typeof id !== 'string' || !parseUserId(id)) {
      throw invalidParam('"additional_creators" must hold user IDs only: @name:server');
    }
  }
  return new Set(asked as string[]);
}
