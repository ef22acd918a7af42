import assert from 'node:assert/strict';
import { HeldDisk } from '../testing/server/held-disk.ts';
import { onServers } from '../testing/server/test-server.ts';

onServers(
  'nothing leaves the server while something is not on the disk yet',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const { room_id } = await alice.ok('POST', '/v3/createRoom', { preset: 'public_chat', topic: 'old' });
    await bob.ok('POST', `/v3/join/${room_id}`);
    const path = `/v3/rooms/${room_id}/state/m.room.topic`;
    const disk = new HeldDisk();
    const answered: string[] = [];
    const written = alice.ok('PUT', path, { topic: 'new' }).then(() => answered.push('written'));
    await disk.somebodyWaits();
    const read = bob.ok('GET', path).then(() => answered.push('read'));
    await new Promise((resolve) => setTimeout(resolve, 100));
    assert.deepEqual(answered, []);
    disk.release();
    await Promise.all([written, read]);
    assert.deepEqual(answered.sort(), ['read', 'written']);
  },
  { engines: ['sqlite'] },
);
