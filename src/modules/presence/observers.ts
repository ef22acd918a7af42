import type { RoomId, ServerName, UserId } from '../../protocol/identifiers.ts';
import type { RoomReads } from '../../rooms/reading/room-reads.ts';
import * as presenceListsStore from '../../storage/accounts/presence-lists-store.ts';
import type { Reader } from '../../storage/database.ts';

/** Rooms whose members are told of one user's presence at most. */
const MOST_ROOMS = 200;

/** The rooms whose members are told of a user's presence. */
export async function toldRooms(rooms: RoomReads, userId: UserId): Promise<RoomId[]> {
  const told: RoomId[] = [];
  for (const roomId of await rooms.joinedRooms(userId)) {
    if (told.length === MOST_ROOMS) break;
    told.push(roomId);
  }
  return told;
}

/** Whether a user may see another's presence: they share a room, or the other is in the user's presence list. */
export async function mayObserve(
  reader: Reader,
  rooms: RoomReads,
  asker: UserId,
  userId: UserId,
): Promise<boolean> {
  if (await rooms.shareRoom(asker, userId)) return true;
  return (await presenceListsStore.get(reader, asker, userId))?.accepted === 1;
}

/** Who has a user in a presence list: users of this server, and the servers of others. */
export async function observersOf(
  reader: Reader,
  ownServer: ServerName,
  userId: UserId,
): Promise<{ users: UserId[]; servers: ServerName[] }> {
  const users: UserId[] = [];
  const servers = new Set<ServerName>();
  for (const row of await presenceListsStore.observers(reader, userId)) {
    if (row.accepted !== 1) continue;
    if (row.observer_server === ownServer) users.push(row.observer);
    else servers.add(row.observer_server);
  }
  return { users, servers: [...servers] };
}
