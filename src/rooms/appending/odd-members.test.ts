import assert from 'node:assert/strict';
import { bodies } from '../../testing/client/test-client.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';

for (const version of ['1', '10', '11']) {
  onFederation(
    `a membership of what names no server, which the rules allow, breaks no transaction (version ${version})`,
    async (federation) => {
      const { alice, roomId, room } = await roomWithGuest(federation, {
        room_version: version,
        guestPower: 50,
      });
      for (const stateKey of ['foo', '@foo', 'foo:', '@foo:not a server']) {
        for (const membership of ['invite', 'leave', 'ban', 'leave']) {
          const event = room.next({ type: 'm.room.member', stateKey, content: { membership } });
          const [error] = await room.send(event);
          if (stateKey === 'foo') assert.equal(error, undefined, membership);
        }
      }
      const last = room.say('after it');
      assert.deepEqual(await room.send(last), [undefined]);
      const page = await alice.ok('GET', alice.room(roomId, '/messages?dir=b&limit=1'));
      assert.deepEqual(bodies(page.chunk), ['after it']);
    },
    { servers: 1 },
  );
}
