import type { RoomId } from '../protocol/identifiers.ts';
import type { RoomMembership } from '../rooms/room-reads.ts';
import type { SyncNeeds } from './sync-context.ts';

/** A user's joined rooms, and which of them the user was not in at an earlier place of the log. */
export async function joinedSince(
  needs: Pick<SyncNeeds, 'timeline' | 'visibility'>,
  rooms: Iterable<RoomMembership>,
  since: number | undefined,
): Promise<{ joinedRooms: ReadonlySet<RoomId>; newlyJoined: ReadonlySet<RoomId> }> {
  const joinedRooms = new Set<RoomId>();
  const newlyJoined = new Set<RoomId>();
  for (const room of rooms) {
    if (room.membership !== 'join') continue;
    joinedRooms.add(room.roomId);
    if (since !== undefined && room.position > since && !(await wasJoined(needs, room, since))) {
      newlyJoined.add(room.roomId);
    }
  }
  return { joinedRooms, newlyJoined };
}

async function wasJoined(
  { timeline, visibility }: Pick<SyncNeeds, 'timeline' | 'visibility'>,
  room: RoomMembership,
  since: number,
): Promise<boolean> {
  const root = await timeline.rootAt(room.roomId, since);
  if (root === undefined) return false;
  return (await visibility.membershipAt(root, room.sender)) === 'join';
}
