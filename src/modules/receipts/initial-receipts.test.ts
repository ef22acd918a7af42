import assert from 'node:assert/strict';
import { onServers } from '../../testing/server/test-server.ts';
import type { TestClient } from '../../testing/client/test-client.ts';

onServers(
  'an initial sync shows the receipts of many rooms, each in its room [B082 partial]',
  async (world) => {
    const [alice, bob] = [await world.person('alice'), await world.person('bob')];
    const events = new Map<string, string>();
    for (let i = 0; i < 20; i++) {
      const room = await alice.createRoom({ preset: 'public_chat' });
      await bob.join(room);
      const event = await alice.say(room, `message ${i}`);
      events.set(room, event);
      if (i % 3 === 0) continue;
      await bob.ok(
        'POST',
        bob.room(room, `/receipt/${i % 3 === 1 ? 'm.read' : 'm.read.private'}/${event}`),
        {},
      );
    }
    const shown = async (client: TestClient): Promise<(string | undefined)[]> => {
      const { rooms } = await client.sync();
      return [...events].map(([room, event]) => {
        const receipts = rooms.join[room].ephemeral.events.find(
          (one: { type: string }) => one.type === 'm.receipt',
        );
        const types = Object.keys(receipts?.content[event] ?? {});
        return types.length === 0 ? undefined : types.join();
      });
    };
    const expected = (seen: (string | undefined)[]) => Array.from({ length: 20 }, (_, i) => seen[i % 3]);
    assert.deepEqual(await shown(bob), expected([undefined, 'm.read', 'm.read.private']));
    assert.deepEqual(await shown(alice), expected([undefined, 'm.read', undefined]));
    const some = JSON.stringify({ room: { rooms: [...events.keys()].slice(4, 6) } });
    assert.equal(Object.keys((await bob.sync({ filter: some })).rooms.join).length, 2);
  },
);
