import assert from 'node:assert/strict';
import { systemClock } from '../../../platform/clock.ts';
import { onServers } from '../../../testing/server/test-server.ts';

const clock = { ...systemClock, now: () => 1_800_000_000_000 };

onServers(
  'the same wish for a room, many times in one millisecond, makes as many rooms',
  async (server) => {
    const alice = await server.person('alice');
    const wish = { preset: 'public_chat', name: 'Twins' };
    const rooms = await Promise.all(Array.from({ length: 5 }, () => alice.createRoom(wish)));
    assert.equal(new Set(rooms).size, rooms.length);
  },
  { overrides: { clock } },
);
