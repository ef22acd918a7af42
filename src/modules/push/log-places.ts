import { serverNameOf, type ServerName, type UserId } from '../../protocol/identifiers.ts';
import type { LoggedEvent } from '../../rooms/reading/room-reads.ts';
import type { OutsideInviteRow } from '../../storage/push/push-dispatch-store.ts';
import type { EventToPush } from './push-decision.ts';

/** An event of the log as what may have to be pushed: of invites, those of this server's users are told of as such. */
export function placeOf(event: LoggedEvent, serverName: ServerName): EventToPush {
  const { position, roomId, eventId, type, stateKey, content } = event;
  const isInvite = type === 'm.room.member' && content.membership === 'invite' && stateKey !== undefined;
  const isLocal = isInvite && serverNameOf(stateKey as UserId) === serverName;
  return { position, roomId, eventId, invited: isLocal ? (stateKey as UserId) : undefined };
}

/** The same of an invite to a room that is not here. */
export function placeOfInvite(row: OutsideInviteRow): EventToPush {
  return { position: row.position, roomId: row.room_id, eventId: row.event_id, invited: row.user_id };
}
