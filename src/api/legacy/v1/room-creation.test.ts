import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Json } from '../../../testing/client/test-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { v1People } from '../../../testing/client/v1-client.ts';
import { stateOf, contentsOf } from './testing/rooms-of.ts';

describe('2015: rooms', () => {
  onServers('a room begins as its creator wishes [A040] [A043]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const room = await alice.createRoom({
      visibility: 'public',
      room_alias_name: 'garden',
      name: 'The garden',
      topic: 'Plants',
      invite: [bob.userId],
      creation_content: { 'm.federate': false, creator: '@mallory:localhost' },
      initial_state: [{ type: 'org.colour', state_key: 'leaf', content: { colour: 'green' } }],
      preset: 'private_chat',
    });
    assert.match(room, /^![^:]+:localhost$/);
    const state = await contentsOf(alice, room);
    assert.equal(state['m.room.create'].creator, alice.userId);
    assert.equal(state['m.room.create']['m.federate'], false);
    assert.equal(state['m.room.name'].name, 'The garden');
    assert.equal(state['m.room.topic'].topic, 'Plants');
    assert.equal(state['m.room.join_rules'].join_rule, 'invite', 'it is listed, and closed all the same');
    assert.deepEqual(state['org.colour leaf'], { colour: 'green' });
    assert.equal(state[`m.room.member ${bob.userId}`].membership, 'invite');
    const listed = await server.anonymous().ok('GET', '/_matrix/client/api/v1/publicRooms');
    assert.deepEqual(listed.chunk[0].aliases, ['#garden:localhost']);
    const closed = await alice.createRoom({ visibility: 'private', preset: 'public_chat' });
    assert.equal((await contentsOf(alice, closed))['m.room.join_rules'].join_rule, 'public');
    assert.equal((await bob.ok('GET', '/publicRooms')).chunk.length, 1);
    await alice.fails(400, 'M_ROOM_IN_USE', 'POST', '/createRoom', { room_alias_name: 'garden' });
    const made = await alice.ok('PUT', '/createRoom/1', { room_alias_name: 'pond' });
    assert.equal(made.room_alias, '#pond:localhost');
    assert.deepEqual(await alice.ok('PUT', '/createRoom/1', { room_alias_name: 'pond' }), made);
    await alice.fails(400, 'M_BAD_JSON', 'POST', '/createRoom', { visibility: 'secret' });
    await alice.fails(400, 'M_NOT_JSON', 'POST', '/createRoom', '{');

    const first = (await alice.messages(room, { from: 'START', limit: 20 })).chunk as Json[];
    const types = first.map(({ type }) => type);
    assert.deepEqual(types.slice(0, 3), ['m.room.create', 'm.room.member', 'm.room.power_levels']);
    assert.ok(types.includes('m.room.join_rules'));
    assert.equal(first[1].state_key, alice.userId);
    assert.equal((await stateOf(alice, closed))['m.room.power_levels'].content.users[alice.userId], 100);
  });

  onServers('presets say who gets in, and who has the power [A041]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    for (const [preset, rule, level] of [
      ['private_chat', 'invite', 0],
      ['trusted_private_chat', 'invite', 100],
      ['public_chat', 'public', 0],
    ] as const) {
      const room = await alice.createRoom({ preset, invite: [bob.userId] });
      const state = await contentsOf(alice, room);
      assert.equal(state['m.room.join_rules'].join_rule, rule, preset);
      assert.equal(state['m.room.history_visibility'].history_visibility, 'shared', preset);
      const { users, users_default: usual } = state['m.room.power_levels'];
      assert.deepEqual([users[alice.userId], users[bob.userId] ?? usual], [100, level], preset);
    }
  });

  onServers('first state overrules the preset, and is overruled by name and topic [A042]', async (server) => {
    const [alice] = await v1People(server, 'alice');
    const initial = [
      { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } },
      { type: 'm.room.name', state_key: '', content: { name: 'from the state' } },
      { type: 'm.room.topic', state_key: '', content: { topic: 'from the state' } },
    ];
    const wishes = { preset: 'private_chat', initial_state: initial, name: 'from the wish' };
    const room = await alice.createRoom({
      ...wishes,
      creation_content: { creator: '@mallory:localhost', 'm.federate': false },
    });
    const state = await contentsOf(alice, room);
    assert.equal(state['m.room.history_visibility'].history_visibility, 'joined');
    assert.equal(state['m.room.join_rules'].join_rule, 'invite');
    assert.deepEqual(state['m.room.name'], { name: 'from the wish' });
    assert.deepEqual(state['m.room.topic'], { topic: 'from the state' });
    assert.equal(state['m.room.create'].creator, alice.userId);
    assert.equal(state['m.room.create']['m.federate'], false);
  });
});
