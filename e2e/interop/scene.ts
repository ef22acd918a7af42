import type { Person } from './person.ts';
import type { InteropServer } from './server.ts';

/** What a scenario plays in: two servers, of which `home` made the room. */
export interface Scene {
  readonly home: InteropServer;
  readonly away: InteropServer;
  readonly version: string;
}

/** A feature that two servers must agree on. It fails by throwing. */
export interface Scenario {
  /** As the table names it. */
  readonly feature: string;
  /** The first room version that has the feature; all have it otherwise. */
  readonly from?: number;
  run(scene: Scene): Promise<void>;
}

/** A feature that shows when one of the servers is down for a while. All rooms share the outage. */
export interface Outage {
  readonly feature: string;
  readonly down: 'home' | 'away';
  /** What goes on before; gives what goes on meanwhile, and then. */
  begin(scene: Scene): Promise<{ meanwhile(): Promise<void>; after(): Promise<void> }>;
}

/** A room of Alice's, on the home server, in which Bob of the other server is. */
export interface SharedRoom {
  readonly roomId: string;
  readonly alice: Person;
  readonly bob: Person;
}

/** Alice makes a public room, Bob joins it by way of her server. Both see it. */
export async function sharedRoom(scene: Scene, wishes: object = {}): Promise<SharedRoom> {
  const [alice, bob] = [await scene.home.person('alice'), await scene.away.person('bob')];
  const roomId = await publicRoom(scene, alice, wishes);
  await bob.joinBy(roomId, scene.home.name);
  await alice.untilMember(roomId, bob.userId, 'join');
  await bob.untilMember(roomId, alice.userId, 'join');
  return { roomId, alice, bob };
}

/**
 * As `sharedRoom`, and what one says reached the other: what sends to other servers may learn who is in a room after what
 * answers syncs did, and until then tells nobody of devices and typing.
 */
export async function roomInTouch(scene: Scene): Promise<SharedRoom> {
  const shared = await sharedRoom(scene);
  const { roomId, alice, bob } = shared;
  await bob.untilEvent(roomId, await alice.say(roomId, 'hello'));
  await alice.untilEvent(roomId, await bob.say(roomId, 'hello'));
  return shared;
}

export function publicRoom(scene: Scene, owner: Person, wishes: object = {}): Promise<string> {
  return owner.createRoom({ preset: 'public_chat', room_version: scene.version, ...wishes });
}

export function privateRoom(scene: Scene, owner: Person, wishes: object = {}): Promise<string> {
  return owner.createRoom({ preset: 'private_chat', room_version: scene.version, ...wishes });
}
