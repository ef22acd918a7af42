import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation/federation.ts';
import { RemoteRoom } from '../../testing/federation/remote-room.ts';

onFederation(
  'before version 12 "additional_creators" means nothing, whatever it is',
  async ({ a, startRemote }) => {
    const remote = await startRemote();
    const alice = await a.person('alice');
    const open = await alice.createRoom({ preset: 'public_chat', room_version: '10' });
    const roomId = await alice.createRoom({
      room_version: '10',
      creation_content: { additional_creators: [5] },
    });
    const allow = [{ type: 'm.room_membership', room_id: open }];
    await alice.setState(roomId, 'm.room.join_rules', { join_rule: 'restricted', allow });
    // Who vouches is not the creator.
    const bob = await a.person('bob');
    await alice.ok('POST', alice.room(roomId, '/invite'), { user_id: bob.userId });
    await bob.join(roomId);
    await alice.ok('POST', alice.room(roomId, '/leave'), {});
    for (const room of [open, roomId]) {
      const member = `${encodeURIComponent(room)}/${encodeURIComponent(`@mallory:${remote.name}`)}`;
      const made = await remote.ask(a.name, 'GET', `/_matrix/federation/v1/make_join/${member}?ver=10`);
      if (room === open) {
        await RemoteRoom.join(remote, a.name, open);
      }
      assert.equal(made.status, 200, JSON.stringify(made.body));
    }
  },
  { servers: 1 },
);
