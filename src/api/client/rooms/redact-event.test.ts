import assert from 'node:assert/strict';
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { onServers } from '../../../testing/server/test-server.ts';

onServers(
  'what was redacted is not in the database file any more, long or short',
  async ({ server, person, place }) => {
    const alice = await person('alice');
    const room = await alice.createRoom();
    for (const text of ['short quagga', `long ${'quagga '.repeat(2_000)}`]) {
      const id = await alice.say(room, text);
      await alice.ok('PUT', alice.room(room, `/redact/${encodeURIComponent(id)}/${text.length}`), {});
      for (let i = 0; i < 20; i++) await alice.say(room, `after it ${i}`);
    }
    await server.close();
    const file = readFileSync(join(place.dataDir, 'myelin.db'), 'latin1');
    assert.ok(file.includes('after it 19'));
    assert.ok(!file.includes('quagga'));
  },
  { engines: ['sqlite'] },
);
