import assert from 'node:assert/strict';
import { withAppservice, type AppserviceScene } from '../../testing/application-services/appservice-scene.ts';
import type { Json } from '../../testing/client/test-client.ts';

/** Makes a room in the directory of the service's network, and gives its ID. */
async function networkRoom({ bot }: AppserviceScene, name: string): Promise<string> {
  const room = await bot.createRoom({ preset: 'public_chat', name });
  const path = `/v3/directory/list/appservice/freenode/${encodeURIComponent(room)}`;
  await bot.ok('PUT', path, { visibility: 'public' });
  return room;
}

withAppservice('the directory of a network says on each page how many rooms it has', async (scene) => {
  const alice = await scene.person('alice');
  for (const name of ['one', 'two', 'three', 'four']) await networkRoom(scene, name);
  const wish = { third_party_instance_id: 'irc|freenode', limit: 3 };
  const pages: Json[] = [await alice.ok('POST', '/v3/publicRooms', wish)];
  pages.push(await alice.ok('POST', '/v3/publicRooms', { ...wish, since: pages[0].next_batch }));
  assert.deepEqual(
    pages.map((page) => [page.chunk.length, page.total_room_count_estimate, 'next_batch' in page]),
    [
      [3, 4, true],
      [1, 4, false],
    ],
  );
});

withAppservice(
  'the directory of all networks says how many rooms it has, each counted once',
  async (scene) => {
    const alice = await scene.person('alice');
    await networkRoom(scene, 'of a network');
    const path = `/v3/directory/list/appservice/oftc/${encodeURIComponent(await networkRoom(scene, 'of two'))}`;
    await scene.bot.ok('PUT', path, { visibility: 'public' });
    const own = await alice.createRoom({ visibility: 'public', name: 'of the server' });
    await scene.bot.ok('PUT', `/v3/directory/list/appservice/oftc/${encodeURIComponent(own)}`, {
      visibility: 'public',
    });
    const countOf = async (wish: object) =>
      (await alice.ok('POST', '/v3/publicRooms', wish)).total_room_count_estimate as number;
    assert.equal(await countOf({ include_all_networks: true }), 3);
    assert.equal(await countOf({}), 1);
  },
);

withAppservice('the directory of a network is read forwards and back again', async (scene) => {
  const alice = await scene.person('alice');
  const rooms: string[] = [];
  for (let i = 0; i < 5; i++) rooms.push(await networkRoom(scene, `room ${i}`));
  const [a, b, c, d, e] = rooms.sort();
  const page = async (since?: string) => {
    const wish = { third_party_instance_id: 'irc|freenode', limit: 2, ...(since ? { since } : {}) };
    const { chunk, next_batch: next, prev_batch: previous } = await alice.ok('POST', '/v3/publicRooms', wish);
    return { rooms: chunk.map((one: Json) => one.room_id), next, previous };
  };
  const first = await page();
  const second = await page(first.next);
  const third = await page(second.next);
  assert.deepEqual([first.rooms, second.rooms, third.rooms], [[a, b], [c, d], [e]]);
  assert.equal(first.previous, undefined);
  assert.equal(third.next, undefined);
  const back = await page(third.previous);
  assert.deepEqual(back.rooms, [c, d]);
  assert.deepEqual((await page(back.next)).rooms, [e]);
  const beginning = await page(back.previous);
  assert.deepEqual([beginning.rooms, beginning.previous], [[a, b], undefined]);
  assert.deepEqual((await page(beginning.next)).rooms, [c, d]);
});

withAppservice(
  'a network of a service with a bar in its ID has a directory',
  async (scene) => {
    const { service, person } = scene;
    const instances = [{ desc: 'Freenode', network_id: 'freenode', fields: {} }];
    const protocol = { user_fields: [], location_fields: [], icon: '', field_types: {}, instances };
    service.answer = ({ path }) => (path.includes('/thirdparty/protocol') ? [200, protocol] : [200]);
    const alice = await person('alice');
    const room = await networkRoom(scene, 'tea');
    const { irc } = await alice.ok('GET', '/v3/thirdparty/protocols');
    const wish = { third_party_instance_id: irc.instances[0].instance_id };
    const { chunk } = await alice.ok('POST', '/v3/publicRooms', wish);
    assert.deepEqual(
      chunk.map((one: Json) => one.room_id),
      [room],
    );
  },
  { id: 'a|b' },
);
