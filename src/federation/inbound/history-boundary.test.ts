import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation/federation.ts';
import { RemoteRoom } from '../../testing/federation/remote-room.ts';
import { bodies } from '../../testing/client/test-client.ts';

onFederation(
  'events follow one whose own predecessors are history that came before this server: they are taken, the history is not',
  async ({ a, b, startRemote }) => {
    const remote = await startRemote();
    const alice = await a.person('alice');
    const bob = await b.person('bob');
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '10' });
    await alice.say(roomId, 'long ago');
    const room = await RemoteRoom.join(remote, a.name, roomId);
    await bob.join(roomId, a.name);
    const { next_batch: since } = await bob.sync();
    // It follows the join of the remote user, which is older than Bob's, and only Alice's server is told of it.
    assert.deepEqual(await room.sendTo(a.name, room.say('beside the join')), [undefined]);
    await alice.say(roomId, 'after both');
    const seen: string[] = [];
    await bob.syncUntil(since, (body) => {
      seen.push(...bodies(body.rooms?.join?.[roomId]?.timeline.events));
      return seen.includes('after both');
    });
    assert.deepEqual(seen, ['beside the join', 'after both']);
  },
  { servers: 2 as const },
);
