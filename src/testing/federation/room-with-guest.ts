import type { FederatingServer, TestFederation } from './federation.ts';
import { RemoteRoom } from './remote-room.ts';
import type { RemoteServer } from './remote-server.ts';
import type { Json, TestClient } from '../client/test-client.ts';

/** A room with a guest of another server, who makes events by hand. */
export interface RoomWithGuest {
  readonly a: FederatingServer;
  /** Who made the room. */
  readonly alice: TestClient;
  readonly roomId: string;
  /** The room as the guest has it. */
  readonly room: RemoteRoom;
  /** The guest's server. */
  readonly remote: RemoteServer;
}

/** What the room is to be like, beside what its creator asks for. */
interface Wishes {
  /** The power level of the guest; in a room before version 12, whose creator has 100. */
  readonly guestPower?: number;
  readonly room_version?: string;
  readonly name?: string;
  readonly power_level_content_override?: Json;
}

/** Makes a public room of Alice's, into which a user of a remote server of the test's comes. */
export async function roomWithGuest(
  { a, startRemote }: TestFederation,
  { guestPower, power_level_content_override: levels, ...wishes }: Wishes = {},
): Promise<RoomWithGuest> {
  const remote = await startRemote();
  const alice = await a.person('alice');
  const users = { [alice.userId]: 100, [`@mallory:${remote.name}`]: guestPower };
  const roomId = await alice.createRoom({
    preset: 'public_chat',
    ...wishes,
    power_level_content_override: { ...levels, ...(guestPower === undefined ? {} : { users }) },
  });
  const room = await RemoteRoom.join(remote, a.name, roomId);
  return { a, alice, roomId, room, remote };
}
