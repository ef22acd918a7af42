import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation/federation.ts';
import { serve } from './testing/remote-guest.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';

for (const version of ['8', '12']) {
  onFederation(
    `a join that names who vouches for it is taken from another server only where that user's server signed it, in room version ${version} [B101 partial]`,
    async (federation) => {
      const { alice, room, remote, roomId } = await roomWithGuest(federation, { room_version: version });
      const join = (name: string, via: string | number) => {
        const userId = `@${name}:${remote.name}`;
        return {
          ...{ type: 'm.room.member', stateKey: userId, sender: userId },
          content: { membership: 'join', join_authorised_via_users_server: via },
        };
      };
      const members = async () =>
        Object.keys((await alice.ok('GET', alice.room(roomId, '/joined_members'))).joined);
      const unsigned = room.make(join('nina', alice.userId));
      assert.match((await room.send(unsigned))[0] ?? '', /not signed by /);
      const signed = room.next(join('olga', room.userId));
      assert.deepEqual(await room.send(signed), [undefined]);
      assert.deepEqual((await members()).sort(), [alice.userId, room.userId, `@olga:${remote.name}`].sort());
      // Nor is it taken where it is fetched as what came before another event.
      for (const via of [alice.userId, 5]) {
        const before = room.make(join('pia', via));
        const after = room.make({
          ...{ type: 'm.room.message', content: { body: 'after it' } },
          ...{ prev: [before.eventId], depth: before.pdu.depth + 1 },
        });
        serve(remote, [before]);
        await room.send(after);
        assert.ok(!(await members()).includes(`@pia:${remote.name}`));
        await alice.fails(404, 'M_NOT_FOUND', 'GET', alice.room(roomId, `/event/${before.eventId}`));
      }
    },
  );
}
