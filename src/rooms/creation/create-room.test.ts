import assert from 'node:assert/strict';
import { test } from 'node:test';
import { StandInIdentityServer } from '../../testing/identity/identity-server.ts';
import type { Json, TestClient } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

const identity = await StandInIdentityServer.start();
test.after(() => identity.close());

async function content(person: TestClient, room: string, type: string): Promise<Json> {
  return person.ok('GET', person.room(room, `/state/${type}/`));
}

onServers('each preset has its rules, and what else is wished goes before it [B032]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const expected = {
    private_chat: ['invite', 'shared', 'can_join'],
    trusted_private_chat: ['invite', 'shared', 'can_join'],
    public_chat: ['public', 'shared', 'forbidden'],
  };
  for (const [preset, [joinRule, visibility, guests]] of Object.entries(expected)) {
    const room = await alice.createRoom({ preset, room_version: '11', invite: [bob.userId] });
    assert.equal((await content(alice, room, 'm.room.join_rules')).join_rule, joinRule, preset);
    const { history_visibility: shown } = await content(alice, room, 'm.room.history_visibility');
    assert.equal(shown, visibility, preset);
    // Without m.room.guest_access, it is "forbidden".
    const access = await alice.ask('GET', alice.room(room, '/state/m.room.guest_access'));
    assert.equal(access.body.guest_access ?? 'forbidden', guests, preset);
    assert.equal(access.status, guests === 'forbidden' ? 404 : 200);
    const levels = await content(alice, room, 'm.room.power_levels');
    assert.equal(levels.users[bob.userId], preset === 'trusted_private_chat' ? 100 : undefined);
  }
  const isPublic = async (visibility: string) =>
    (await content(alice, await alice.createRoom({ visibility }), 'm.room.join_rules')).join_rule;
  assert.deepEqual([await isPublic('public'), await isPublic('private')], ['public', 'invite']);
  const rules = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } };
  const room = await alice.createRoom({ preset: 'public_chat', initial_state: [rules] });
  assert.equal((await content(alice, room, 'm.room.join_rules')).join_rule, 'knock');
});

onServers(
  'a name and a topic go before those of the initial state, which are not told',
  async ({ person }) => {
    const alice = await person('alice');
    const room = await alice.createRoom({
      name: 'wished',
      topic: 'wished',
      initial_state: [
        { type: 'm.room.name', state_key: '', content: { name: 'initial' } },
        { type: 'm.room.topic', state_key: '', content: { topic: 'initial' } },
        { type: 'm.room.topic', state_key: 'other', content: { topic: 'of another key' } },
      ],
    });
    const { chunk } = await alice.ok('GET', alice.room(room, '/messages?dir=f&limit=50'));
    const told = (type: string, key: string) =>
      chunk.filter((event: Json) => event.type === type).map((event: Json) => event.content[key]);
    assert.deepEqual(told('m.room.name', 'name'), ['wished']);
    assert.deepEqual(told('m.room.topic', 'topic'), ['of another key', 'wished']);
  },
);

onServers('creators of version 12 are named when the room is made [B032 partial]', async ({ person }) => {
  const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map(person));
  assert.ok(alice && bob && carol);
  const room = await alice.createRoom({
    room_version: '12',
    preset: 'trusted_private_chat',
    invite: [bob.userId],
    creation_content: { additional_creators: [carol.userId] },
    power_level_content_override: { users: { '@dan:localhost': 20 } },
  });
  const { additional_creators: others } = await content(alice, room, 'm.room.create');
  assert.deepEqual([...others].sort(), [bob.userId, carol.userId]);
  const levels = await content(alice, room, 'm.room.power_levels');
  assert.deepEqual(levels.users, { '@dan:localhost': 20 });
  assert.ok(levels.events['m.room.tombstone'] > levels.state_default, 'moderators may not end the room');
  const wishes = { room_version: '12', creation_content: { additional_creators: ['carol'] } };
  await alice.fails(400, 'M_INVALID_PARAM', 'POST', '/v3/createRoom', wishes);
  await alice.fails(400, 'M_INVALID_ROOM_STATE', 'POST', '/v3/createRoom', {
    room_version: '12',
    power_level_content_override: { users: { [alice.userId]: 100 } },
  });
});

onServers(
  'who is known by a mail address only is invited into a new room [B032 partial] [B079 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    identity.bound.set('bob@example.org email', bob.userId);
    const by = { id_server: identity.name, id_access_token: 'token', medium: 'email' };
    const room = await alice.createRoom({
      is_direct: true,
      invite_3pid: [
        { ...by, address: 'bob@example.org' },
        { ...by, address: 'carol@example.org' },
      ],
    });
    const state: Json[] = await alice.ok('GET', alice.room(room, '/state'));
    const invited = state.find((event) => event.state_key === bob.userId);
    assert.deepEqual([invited.content.membership, invited.content.is_direct], ['invite', true]);
    const offers = state.filter(({ type }) => type === 'm.room.third_party_invite');
    assert.deepEqual(
      offers.map((event) => event.content.display_name),
      ['e...@e...'],
    );
  },
  {
    env: {
      MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
      MYELIN_THREEPIDS_PLAIN_IDENTITY_SERVERS: identity.name,
    },
  },
);

onServers(
  'a room is made where an identity server does not take an invite, and others are invited [B032 partial] [B079 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    identity.bound.set('bob@example.org email', bob.userId);
    const by = { id_server: identity.name, id_access_token: 'token', medium: 'email' };
    const room = await alice.createRoom({
      invite_3pid: [
        { ...by, address: 'carol@example.org', id_server: '127.0.0.1:1' },
        { ...by, address: 'carol@example.org', id_access_token: 'wrong' },
        { ...by, address: 'bob@example.org' },
      ],
    });
    assert.deepEqual((await alice.ok('GET', '/v3/joined_rooms')).joined_rooms, [room]);
    assert.deepEqual(Object.keys((await bob.sync()).rooms?.invite ?? {}), [room]);
    const wrong = { invite_3pid: [{ ...by, address: 'nobody' }] };
    await alice.fails(400, 'M_INVALID_PARAM', 'POST', '/v3/createRoom', wrong);
  },
  {
    env: {
      MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8',
      MYELIN_THREEPIDS_PLAIN_IDENTITY_SERVERS: identity.name,
    },
  },
);

onServers(
  'createRoom takes every wish in the order of the specification [B032 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({
      visibility: 'public',
      room_alias_name: 'wishes',
      name: 'Wishes',
      topic: 'All of them',
      invite: [bob.userId],
      creation_content: { 'm.federate': false, type: 'm.space', creator: '@mallory:localhost' },
      initial_state: [
        { type: 'm.room.history_visibility', content: { history_visibility: 'joined' } },
        { type: 'm.room.name', content: { name: 'overridden' } },
        { type: 'org.example', state_key: 'k', content: { a: 1 } },
      ],
      preset: 'trusted_private_chat',
      is_direct: true,
      power_level_content_override: { invite: 20 },
      room_version: '11',
    });
    const { chunk } = await alice.ok('GET', alice.room(room, '/messages?dir=f&limit=30'));
    assert.deepEqual(
      chunk.map((event: Json) => event.type),
      [
        'm.room.create',
        'm.room.member',
        'm.room.power_levels',
        'm.room.canonical_alias',
        'm.room.join_rules',
        'm.room.guest_access',
        'm.room.history_visibility',
        'org.example',
        'm.room.name',
        'm.room.topic',
        'm.room.member',
      ],
    );
    assert.equal(chunk[0]?.content?.creator, undefined);
    assert.equal(chunk[0]?.content?.type, 'm.space');
    assert.deepEqual(chunk[2]?.content?.users, { [alice.userId]: 100, [bob.userId]: 100 });
    assert.equal(chunk[2]?.content?.invite, 20);
    assert.equal(chunk.at(-1)?.content?.is_direct, true);
    const { room_id: found } = await bob.ok('GET', '/v3/directory/room/%23wishes%3Alocalhost');
    assert.equal(found, room);
    await alice.fails(400, 'M_ROOM_IN_USE', 'POST', '/v3/createRoom', { room_alias_name: 'wishes' });
    await alice.fails(400, 'M_BAD_JSON', 'POST', '/v3/createRoom', { preset: 'other' });
    await alice.fails(400, 'M_INVALID_ROOM_STATE', 'POST', '/v3/createRoom', {
      power_level_content_override: { users: { [alice.userId]: 'much' } },
    });
  },
);
