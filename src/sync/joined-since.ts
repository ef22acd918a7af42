import type { RoomId } from '../protocol/identifiers.ts';
import type { RoomMembership } from '../rooms/reading/room-reads.ts';
import type { SyncNeeds } from './sync-context.ts';

/**
 * A user's joined rooms, and which of them are new to the user since an earlier place of the log: not joined then, or
 * not shown.
 */
export async function joinedSince(
  needs: Pick<SyncNeeds, 'states' | 'visibility'>,
  rooms: Iterable<RoomMembership>,
  since: number | undefined,
  shownSince: readonly RoomId[] = [],
): Promise<{ joinedRooms: ReadonlySet<RoomId>; newlyJoined: ReadonlySet<RoomId> }> {
  const joinedRooms = new Set<RoomId>();
  const newlyJoined = new Set<RoomId>();
  for (const room of rooms) {
    if (room.membership !== 'join') continue;
    joinedRooms.add(room.roomId);
    if (since === undefined) continue;
    const isNew =
      shownSince.includes(room.roomId) || (room.position > since && !(await wasJoined(needs, room, since)));
    if (isNew) newlyJoined.add(room.roomId);
  }
  return { joinedRooms, newlyJoined };
}

async function wasJoined(
  { states, visibility }: Pick<SyncNeeds, 'states' | 'visibility'>,
  room: RoomMembership,
  since: number,
): Promise<boolean> {
  const root = await states.rootAt(room.roomId, since);
  if (root === undefined) return false;
  return (await visibility.membershipAt(root, room.sender)) === 'join';
}
