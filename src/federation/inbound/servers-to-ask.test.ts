import assert from 'node:assert/strict';
import { bodies } from '../../testing/client/test-client.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import { putIntoRoom } from '../../testing/federation/put-into-room.ts';

onFederation(
  'history is had from a server that answers, however many that are gone come before it by name [B104 partial]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '10' });
    await alice.say(roomId, 'long ago');
    await bob.join(roomId, a.name);
    for (let i = 0; i < 4; i++) await putIntoRoom(b, `@gone:a${i}.invalid`, roomId);
    const again = b.client(bob.token);
    const read = async () =>
      bodies((await again.ok('GET', again.room(roomId, '/messages?dir=b&limit=100'))).chunk);
    // The first request finds out who is gone, or some more where finding that out takes long.
    let seen = await read();
    for (let more = 5; more > 0 && !seen.includes('long ago'); more--) seen = await read();
    assert.ok(seen.includes('long ago'));
  },
);
