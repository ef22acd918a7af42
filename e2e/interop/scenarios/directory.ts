import assert from 'node:assert/strict';
import type { Json } from '../../../src/testing/client/test-client.ts';
import { privateRoom, publicRoom, sharedRoom, type Scenario } from '../scene.ts';

const profile: Scenario = {
  feature: 'profile, public rooms',
  async run(scene) {
    const [alice, bob] = [await scene.home.person('alice'), await scene.away.person('bob')];
    const path = `/v3/profile/${encodeURIComponent(alice.userId)}`;
    await alice.ok('PUT', `${path}/displayname`, { displayname: 'Alice of the garden' });
    assert.equal((await bob.ok('GET', path)).displayname, 'Alice of the garden');

    const name = `Garden ${crypto.randomUUID()}`;
    const roomId = await publicRoom(scene, alice, { name, visibility: 'public' });
    const filter = { filter: { generic_search_term: name }, limit: 50 };
    const found = (page: Json) => page.chunk.find((room: Json) => room.room_id === roomId);
    // Others make their directory up some time after the room, and find more than what was asked for.
    const page = await bob.untilAnswer(
      'the room in the directory',
      () => bob.ok('POST', `/v3/publicRooms?server=${scene.home.name}`, filter),
      (one) => found(one) !== undefined,
    );
    assert.deepEqual([found(page).name, found(page).num_joined_members], [name, 1]);
  },
};

const spaces: Scenario = {
  feature: 'spaces hierarchy',
  async run(scene) {
    const {
      alice,
      bob,
      roomId: space,
    } = await sharedRoom(scene, {
      name: 'Village',
      creation_content: { type: 'm.space' },
    });
    const child = async (name: string, room: Promise<string>) => {
      const roomId = await room;
      await alice.setState(space, 'm.space.child', { via: [scene.home.name], order: name }, roomId);
      await bob.untilRoom(space, 'the child', (seen) => seen.state.get(`m.space.child ${roomId}`));
      return roomId;
    };
    const open = await child('a', publicRoom(scene, alice, { name: 'Green' }));
    const hidden = await child('b', privateRoom(scene, alice, { name: 'Cellar' }));
    // A space that only the other server knows, with a room in it.
    const inner = await publicRoom(scene, alice, { name: 'Street', creation_content: { type: 'm.space' } });
    const house = await publicRoom(scene, alice, { name: 'House' });
    await alice.setState(inner, 'm.space.child', { via: [scene.home.name] }, house);
    await child('c', Promise.resolve(inner));
    const path = `/v1/rooms/${encodeURIComponent(space)}/hierarchy?limit=20`;
    const { rooms } = await bob.ok('GET', path);
    // Dendrite names a room once as a child and once more as itself.
    assert.deepEqual(
      [...new Set(rooms.map((room: Json) => room.name))],
      ['Village', 'Green', 'Street', 'House'],
      `children: ${open} ${hidden} ${inner} ${house}`,
    );
  },
};

const upgrade: Scenario = {
  feature: 'room upgrade',
  async run(scene) {
    const { alice, bob, roomId } = await sharedRoom(scene, { name: 'The garden' });
    const path = alice.room(roomId, '/upgrade');
    const { replacement_room: next } = await alice.ok('POST', path, { new_version: scene.version });
    const tombstone = await bob.untilRoom(roomId, 'the tombstone', (room) =>
      room.state.get('m.room.tombstone '),
    );
    assert.equal(tombstone.content.replacement_room, next);
    await bob.joinBy(next, scene.home.name);
    await alice.untilMember(next, bob.userId, 'join');
    const create = await bob.state(next, 'm.room.create');
    assert.equal(create.predecessor.room_id, roomId);
    assert.equal((await bob.state(next, 'm.room.name')).name, 'The garden');
    await alice.untilEvent(next, await bob.say(next, 'Here as well'));
  },
};

export const directory = [profile, spaces, upgrade];
