import assert from 'node:assert/strict';
import { withAppservice } from '../../testing/application-services/appservice-scene.ts';

withAppservice(
  'an application service learns who is in the rooms that any of its users is in',
  async ({ bot, ghost, person }) => {
    const alice = await person('alice');
    const room = await alice.createRoom({ preset: 'public_chat' });
    const members = alice.room(room, '/joined_members');
    await bot.fails(403, 'M_FORBIDDEN', 'GET', members);
    const carl = await ghost('_irc_carl');
    await carl.join(room);
    const { joined } = await bot.ok('GET', members);
    assert.deepEqual(Object.keys(joined as object).sort(), [carl.userId, alice.userId].sort());
    await carl.ok('POST', carl.room(room, '/leave'), {});
    await bot.fails(403, 'M_FORBIDDEN', 'GET', members);
  },
);
