import { parseUserId, type RoomId, type UserId } from '../../protocol/identifiers.ts';
import { isJsonObject, type JsonValue } from '../../protocol/json.ts';

/** Whose membership an event sets, and who vouches for it. */
export interface MembershipForm {
  readonly userId: UserId;
  readonly via: UserId | undefined;
}

/** Reads an event by which somebody sets their own membership in a room; undefined for anything else. */
export function ownMembershipIn(
  event: JsonValue,
  membership: string,
  roomId: RoomId,
): MembershipForm | undefined {
  if (!isJsonObject(event) || !isJsonObject(event.content)) return undefined;
  const { type, sender, state_key: stateKey, content } = event;
  if (type !== 'm.room.member' || event.room_id !== roomId || content.membership !== membership) {
    return undefined;
  }
  if (typeof sender !== 'string' || stateKey !== sender) return undefined;
  const userId = parseUserId(sender);
  const { join_authorised_via_users_server: via } = content;
  if (userId === undefined) return undefined;
  return { userId, via: typeof via === 'string' ? parseUserId(via) : undefined };
}
