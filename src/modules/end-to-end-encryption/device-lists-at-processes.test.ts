import assert from 'node:assert/strict';
import type { Json } from '../../testing/client/test-client.ts';
import { onTwoProcesses } from '../../testing/server/two-processes.ts';

onTwoProcesses(
  'who joined at one process and uploads keys at another at once has them asked for in that room',
  async (p) => {
    const [alice, bob] = [await p.person('alice'), await p.person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await p.there(bob).ok('GET', '/v3/joined_rooms');
    let since: string = (await alice.sync()).next_batch;
    const join = async () => {
      await bob.join(room);
      const isChanged = (body: Json) => body.device_lists?.changed?.includes(bob.userId) === true;
      since = (await alice.syncUntil(since, isChanged)).next_batch;
    };
    const keys = { [`ed25519:${bob.deviceId}`]: 'a key' };
    const device = { user_id: bob.userId, device_id: bob.deviceId, algorithms: [], keys, signatures: {} };
    const upload = () => p.there(bob).ask('POST', '/v3/keys/upload', { device_keys: device });
    assert.equal((await p.unheard(join, upload)).status, 200);
    // Something to be told of in any case.
    await p.there(bob).say(room, 'uploaded');
    const told = await alice.syncUntil(since, (body) => body.rooms?.join?.[room] !== undefined);
    assert.deepEqual(told.device_lists?.changed, [bob.userId]);
  },
);
