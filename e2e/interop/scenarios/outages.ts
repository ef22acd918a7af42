import { bodies } from '../../../src/testing/client/test-client.ts';
import type { Person } from '../person.ts';
import { sharedRoom, type Outage, type Scene } from '../scene.ts';

/** More than a transaction of 50 events holds, and more than one page of missing events. */
const MANY = 120;
/** Dendrite goes on with a queue of more than 128 events, of all rooms together, only after half a minute. */
const FEW = 8;

const joinedServer: Outage = {
  feature: 'the server that joined is down, then catches up',
  down: 'away',
  async begin(scene) {
    const { roomId, alice, bob } = await sharedRoom(scene);
    await alice.untilEvent(roomId, await bob.say(roomId, 'before'));
    const length = scene.home.software === 'Dendrite' ? FEW : MANY;
    const said = Array.from({ length }, (_, i) => `${i}`);
    return {
      async meanwhile() {
        for (const text of said) await alice.say(roomId, text);
        await alice.setState(roomId, 'm.room.topic', { topic: 'You were away' });
      },
      async after() {
        await untilTopic(scene, bob, roomId);
        await untilHistory(bob, roomId, ['before', ...said]);
        await alice.untilEvent(roomId, await bob.say(roomId, 'back again'));
        await bob.untilEvent(roomId, await alice.say(roomId, 'good'));
      },
    };
  },
};

const homeServer: Outage = {
  feature: 'the server that made the room is down, then catches up',
  down: 'home',
  async begin(scene) {
    const { roomId, alice, bob } = await sharedRoom(scene);
    const said = Array.from({ length: FEW }, (_, i) => `${i}`);
    const carol = await scene.away.person('carol');
    return {
      async meanwhile() {
        for (const text of said) await bob.say(roomId, text);
        await carol.join(roomId);
        await bob.untilMember(roomId, carol.userId, 'join');
      },
      async after() {
        await alice.untilMember(roomId, carol.userId, 'join');
        await untilHistory(alice, roomId, said);
        await bob.untilEvent(roomId, await alice.say(roomId, 'good'));
      },
    };
  },
};

/**
 * Where another request of Dendrite's succeeds at the moment in which a transaction fails, its queue waits until it
 * hears of the other server, which it takes note of once a minute.
 */
async function untilTopic({ home }: Scene, person: Person, roomId: string): Promise<void> {
  for (let waits = home.software === 'Dendrite' ? 3 : 1; ; waits--) {
    try {
      return await person.untilRoom(
        roomId,
        'the topic',
        (room) => room.state.get('m.room.topic ')?.content.topic,
      );
    } catch (error) {
      if (waits === 1) throw error;
      await person.type(roomId, true);
    }
  }
}

/** A server may fill small gaps of a page only after it gave the page: who turns the pages again sees them all. */
async function untilHistory(person: Person, roomId: string, texts: readonly string[]): Promise<void> {
  const seen = async () => bodies(await person.history(roomId)).reverse();
  const wanted = JSON.stringify(texts);
  await person.untilAnswer('the whole history', seen, (found) => JSON.stringify(found) === wanted);
}

export const outages = [joinedServer, homeServer];
