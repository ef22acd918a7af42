import type { Json, TestClient } from '../client/test-client.ts';
import { onFederation, type FederatingServer, type TestFederation } from './federation.ts';
import { putIntoRoom } from './put-into-room.ts';
import type { RemoteServer } from './remote-server.ts';

/** Alice here and Bob on another server, in one room. */
export interface RemoteRoomMate {
  readonly a: FederatingServer;
  /** Bob's server, which says and answers what the test wants. */
  readonly remote: RemoteServer;
  readonly alice: TestClient;
  /** A user of the remote server, in the room. */
  readonly bob: string;
  readonly roomId: string;
}

/** Declares a test with Alice here and Bob on another server in one room. */
export function withBob(title: string, run: (parts: RemoteRoomMate) => Promise<void>): void {
  onFederation(
    title,
    async ({ a, startRemote }: TestFederation) => {
      const remote = await startRemote();
      const person = await a.person('alice');
      const roomId = await person.createRoom({});
      const bob = `@bob:${remote.name}`;
      await putIntoRoom(a, bob, roomId);
      const alice = a.client(person.token);
      alice.userId = person.userId;
      alice.deviceId = person.deviceId;
      await run({ a, remote, alice, bob, roomId });
    },
    { servers: 1 },
  );
}

/** Waits for the first EDU of a type that the remote server got and for which the condition holds. */
export function edu(
  remote: RemoteServer,
  type: string,
  holds: (content: Json) => boolean = () => true,
): Promise<Json> {
  return remote.until(
    () => remote.edus.find((one) => one.edu_type === type && holds(one.content))?.content as Json,
  );
}
