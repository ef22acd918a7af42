import { withAppservice } from '../../testing/application-services/appservice-scene.ts';

withAppservice(
  'an application service controls the aliases of its namespaces, and nobody else makes or deletes them [A093] [B122]',
  async ({ bot, person, ghost }) => {
    const [alice, carl] = [await person('alice'), await ghost('_irc_carl')];
    const pathOf = (alias: string) => `/v3/directory/room/${encodeURIComponent(alias)}`;
    const [tea, own] = [pathOf('#_irc_#tea:localhost'), pathOf('#own:localhost')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    const naming = { room_id: room };
    await alice.fails(400, 'M_EXCLUSIVE', 'PUT', tea, naming);
    await alice.fails(400, 'M_EXCLUSIVE', 'DELETE', tea);
    await bot.fails(404, 'M_NOT_FOUND', 'PUT', tea, { room_id: '!none:localhost' });
    // Neither is in the room.
    await bot.ok('PUT', tea, naming);
    await alice.fails(400, 'M_EXCLUSIVE', 'DELETE', tea);
    await carl.ok('DELETE', tea);
    await alice.fails(404, 'M_NOT_FOUND', 'GET', tea);

    await carl.join(room);
    await carl.fails(400, 'M_EXCLUSIVE', 'PUT', own, naming);
    await alice.ok('PUT', own, naming);
    await carl.fails(403, 'M_FORBIDDEN', 'DELETE', own);
    const users = { [carl.userId]: 100 };
    await alice.ok('PUT', alice.room(room, '/state/m.room.power_levels'), { users });
    await carl.ok('DELETE', own);
  },
);

withAppservice(
  'an application service without a namespace of aliases makes none [A093]',
  async ({ bot }) => {
    const path = `/v3/directory/room/${encodeURIComponent('#anything:localhost')}`;
    await bot.fails(400, 'M_EXCLUSIVE', 'PUT', path, { room_id: await bot.createRoom() });
    await bot.fails(400, 'M_EXCLUSIVE', 'POST', '/v3/createRoom', { room_alias_name: 'anything' });
  },
  { namespaces: { users: [], aliases: [], rooms: [] } },
);
