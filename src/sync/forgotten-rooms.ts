import type { RoomMembership } from '../rooms/reading/room-reads.ts';
import type { UserId } from '../protocol/identifiers.ts';
import type { SyncNeeds } from './sync-context.ts';

/**
 * Whether a client is to be told that its user is out of a room: of one that they forgot since (Client-Server API, "Leaving
 * rooms") only if they were in it, invited or knocking at the place in the log up to which the client has everything. Whoever
 * is banned from a forgotten room, or unbanned, does not hear of it again.
 */
export async function isDepartureTold(
  { log, states, visibility }: Pick<SyncNeeds, 'log' | 'states' | 'visibility'>,
  room: RoomMembership,
  userId: UserId,
  since: number,
): Promise<boolean> {
  if (room.position <= since) return false;
  if (!room.forgotten) return true;
  const own = await log.byId(room.eventId);
  // What is beside the timeline ended an invite or a knock, of which the room's state here says nothing.
  const root = own?.isAside === true ? undefined : await states.rootAt(room.roomId, since);
  if (root === undefined) return true;
  const then = await visibility.membershipAt(root, userId);
  return then !== 'leave' && then !== 'ban';
}
