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
    const told = await alice.syncUntil(since, (body) => Boolean(body.device_lists ?? body.rooms));
    assert.deepEqual(told.device_lists?.changed, [bob.userId]);
  },
);

onTwoProcesses(
  'who was told of a change at one process is told what changed by another at once',
  async (p) => {
    const [alice, bob] = [await p.person('alice'), await p.person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    await p.there(bob).say(room, 'the room is in use there');
    await p.there(alice).ok('GET', '/v3/joined_rooms');
    const { next_batch: from } = await alice.sync();
    let to = '';
    const rename = async () => {
      await bob.ok('PUT', `/v3/devices/${bob.deviceId}`, { display_name: 'phone' });
      to = (await alice.syncUntil(from, (body) => body.device_lists !== undefined)).next_batch;
    };
    const ask = () => p.there(alice).ask('GET', `/v3/keys/changes?from=${from}&to=${to}`);
    assert.deepEqual((await p.unheard(rename, ask)).body.changed, [bob.userId]);
  },
);
