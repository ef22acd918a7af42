import type { RoomId } from '../../protocol/identifiers.ts';
import type { Answering } from './room-view.ts';
import type { SlidingSyncNeeds } from './sliding-sync-needs.ts';

/**
 * The joined rooms whose members matter to an answer, and those of them that the user came into.
 *
 * @param changed rooms in which something happened, where no others matter; undefined for all.
 */
export async function roomsOfMates(
  needs: SlidingSyncNeeds,
  { userId }: Answering,
  since: number,
  changed: ReadonlySet<RoomId> | undefined,
): Promise<{ joinedRooms: ReadonlySet<RoomId>; newlyJoined: ReadonlySet<RoomId> }> {
  const joined = await needs.memberships.joined(userId);
  const joinedRooms = changed ? new Set([...changed].filter((roomId) => joined.has(roomId))) : joined;
  const newlyJoined = new Set<RoomId>();
  const memberships = await needs.memberships.ofUser(userId);
  for (const roomId of joinedRooms) {
    if ((memberships.get(roomId)?.position ?? 0) <= since) continue;
    const root = await needs.states.rootAt(roomId, since);
    const before = root && (await needs.visibility.membershipAt(root, userId));
    if (before !== 'join') newlyJoined.add(roomId);
  }
  return { joinedRooms, newlyJoined };
}
