import assert from 'node:assert/strict';
import type { Json, TestClient } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

async function member(asker: TestClient, room: string, who: TestClient): Promise<Json> {
  return asker.ok('GET', asker.room(room, `/state/m.room.member/${who.userId}?format=event`));
}

onServers('each change of a membership is told with its reason, and who made it [B034]', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  const rules = [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }];
  const room = await alice.createRoom({ initial_state: rules });
  const knock = `/v3/knock/${encodeURIComponent(room)}`;
  const post = (who: TestClient, action: string, body: object) => async () => {
    await who.ok('POST', who.room(room, `/${action}`), body);
  };
  const ofBob = (reason: string) => ({ user_id: bob.userId, reason });
  const steps: [() => Promise<unknown>, string, TestClient, string][] = [
    [() => bob.ok('POST', knock, { reason: 'let me in' }), 'knock', bob, 'let me in'],
    [post(alice, 'kick', ofBob('not now')), 'leave', alice, 'not now'],
    [() => bob.ok('POST', knock, { reason: 'please' }), 'knock', bob, 'please'],
    [post(alice, 'invite', ofBob('come in')), 'invite', alice, 'come in'],
    [post(bob, 'leave', { reason: 'later' }), 'leave', bob, 'later'],
    [post(alice, 'invite', ofBob('now?')), 'invite', alice, 'now?'],
    [post(bob, 'join', { reason: 'yes' }), 'join', bob, 'yes'],
    [post(alice, 'kick', ofBob('too loud')), 'leave', alice, 'too loud'],
    [post(alice, 'ban', ofBob('far too loud')), 'ban', alice, 'far too loud'],
    [post(alice, 'unban', ofBob('forgiven')), 'leave', alice, 'forgiven'],
  ];
  for (const [step, membership, sender, reason] of steps) {
    await step();
    const event = await member(alice, room, bob);
    assert.deepEqual(
      [event.content.membership, event.sender, event.content.reason],
      [membership, sender.userId, reason],
    );
  }
});

onServers('rooms are joined by ID and by alias, listed, left and forgotten [B034 partial]', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  const byAlias = await alice.createRoom({ preset: 'public_chat', room_alias_name: 'open' });
  const byId = await alice.createRoom({ preset: 'public_chat' });
  const via = '?via=localhost&via=elsewhere.example&server_name=localhost';
  const join = async (target: string) =>
    (await bob.ok('POST', `/v3/join/${encodeURIComponent(target)}${via}`, {})).room_id;
  assert.equal(await join('#open:localhost'), byAlias);
  assert.equal(await join(byId), byId);
  assert.equal(await join(byId), byId, 'once more changes nothing');
  await bob.fails(404, 'M_NOT_FOUND', 'POST', '/v3/join/%23closed%3Alocalhost', {});
  await bob.fails(400, 'M_INVALID_PARAM', 'POST', '/v3/join/nothing', {});
  const joined = async () => ((await bob.ok('GET', '/v3/joined_rooms')).joined_rooms as string[]).sort();
  assert.deepEqual(await joined(), [byAlias, byId].sort());
  await bob.ok('POST', bob.room(byId, '/leave'), {});
  assert.deepEqual(await joined(), [byAlias]);
  await bob.ok('GET', bob.room(byId, '/messages?dir=b'));
  await bob.ok('POST', bob.room(byId, '/forget'), {});
  await bob.fails(403, 'M_FORBIDDEN', 'GET', bob.room(byId, '/messages?dir=b'));
  assert.equal(await join(byId), byId, 'what was forgotten can be joined again');
  await bob.ok('GET', bob.room(byId, '/messages?dir=b'));
});

onServers('membership goes where the rules let it [B034 partial]', async ({ person }) => {
  const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map(person));
  assert.ok(alice && bob && carol);
  const room = await alice.createRoom({ preset: 'private_chat' });
  const post = (who: typeof alice, action: string, body: object = {}) =>
    who.ok('POST', who.room(room, `/${action}`), body);
  const fails = (who: typeof alice, action: string, body: object = {}, errcode = 'M_FORBIDDEN') =>
    who.fails(403, errcode, 'POST', who.room(room, `/${action}`), body);
  const membership = async (who: typeof alice) =>
    (await alice.ok('GET', alice.room(room, `/state/m.room.member/${who.userId}`))).membership;
  await fails(bob, 'join');
  await fails(bob, 'invite', { user_id: carol.userId });
  await post(alice, 'invite', { user_id: bob.userId, reason: 'welcome' });
  await post(bob, 'join', { reason: 'thanks' });
  await post(bob, 'join');
  await fails(alice, 'invite', { user_id: bob.userId });
  await post(alice, 'kick', { user_id: bob.userId });
  assert.equal(await membership(bob), 'leave');
  await fails(alice, 'kick', { user_id: bob.userId });
  await post(alice, 'ban', { user_id: bob.userId, reason: 'enough' });
  assert.equal(await membership(bob), 'ban');
  await fails(alice, 'invite', { user_id: bob.userId });
  await post(alice, 'unban', { user_id: bob.userId });
  await fails(alice, 'unban', { user_id: bob.userId }, 'M_BAD_STATE');
  await post(alice, 'invite', { user_id: bob.userId });
  await post(bob, 'leave');
  await fails(carol, 'leave');
  await bob.fails(400, 'M_UNKNOWN', 'POST', bob.room('!none:localhost', '/forget'), {});
  await alice.fails(400, 'M_UNKNOWN', 'POST', alice.room(room, '/forget'), {});
  await alice.fails(400, 'M_BAD_JSON', 'POST', alice.room(room, '/kick'), { user_id: 7 });
  await alice.fails(400, 'M_MISSING_PARAM', 'POST', alice.room(room, '/kick'), {});
  await alice.fails(400, 'M_INVALID_PARAM', 'POST', alice.room(room, '/kick'), { user_id: 'bob' });
  await alice.fails(404, 'M_NOT_FOUND', 'POST', alice.room('!none:localhost', '/join'), {});
  assert.deepEqual((await alice.ok('GET', '/v3/joined_rooms')).joined_rooms, [room]);
});

onServers('knocking, and restricted joins through another room [B090] [B091] [B093]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const lobby = await alice.createRoom({ preset: 'public_chat' });
  const rules = {
    join_rule: 'knock_restricted',
    allow: [{ type: 'm.room_membership', room_id: lobby }],
  };
  const inner = await alice.createRoom({ initial_state: [{ type: 'm.room.join_rules', content: rules }] });
  await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(inner, '/join'), {});
  await bob.ok('POST', `/v3/knock/${encodeURIComponent(inner)}`, { reason: 'please' });
  assert.ok((await bob.sync()).rooms?.knock?.[inner]?.knock_state?.events?.length);
  await bob.ok('POST', bob.room(inner, '/leave'), {});
  await bob.join(lobby);
  await bob.join(inner);
  const member = await bob.ok('GET', bob.room(inner, `/state/m.room.member/${bob.userId}`));
  assert.equal(member.join_authorised_via_users_server, alice.userId);
  const plain = await alice.createRoom();
  await bob.fails(403, 'M_FORBIDDEN', 'POST', `/v3/knock/${encodeURIComponent(plain)}`, {});
});

onServers('third-party invites have few keys and signatures [B079 partial]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  const many = Array.from({ length: 9 }, (_, i) => ({ public_key: String(i) }));
  const path = alice.room(room, '/state/m.room.third_party_invite/token');
  await alice.fails(400, 'M_INVALID_PARAM', 'PUT', path, { public_keys: many });
  const signatures = { 'id.example': Object.fromEntries(many.map((_, i) => [`ed25519:${i}`, 'x'])) };
  const signed = { mxid: '@bob:localhost', token: 'token', signatures };
  const invite = { membership: 'invite', third_party_invite: { signed } };
  await alice.fails(
    400,
    'M_INVALID_PARAM',
    'PUT',
    alice.room(room, '/state/m.room.member/@bob:localhost'),
    invite,
  );
});

onServers('members, now and then, and by membership [B028 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  const { next_batch: at } = await alice.sync();
  await bob.join(room);
  const members = async (query: string) =>
    (await alice.ok('GET', alice.room(room, `/members${query}`))).chunk
      .map((event: Json) => event.state_key)
      .sort();
  assert.deepEqual(await members(''), [alice.userId, bob.userId]);
  assert.deepEqual(await members(`?at=${at}`), [alice.userId]);
  await bob.ok('POST', bob.room(room, '/leave'), {});
  assert.deepEqual(await members('?membership=leave'), [bob.userId]);
  assert.deepEqual(await members('?not_membership=leave'), [alice.userId]);
  assert.deepEqual(
    (await bob.ok('GET', bob.room(room, '/members?membership=join'))).chunk.map((one: Json) => one.state_key),
    [alice.userId],
  );
  await bob.fails(403, 'M_FORBIDDEN', 'GET', bob.room(room, '/joined_members'));
  await alice.ok('POST', alice.room(room, '/invite'), { user_id: '@carol:localhost' });
  const either = '?membership=join&not_membership=leave';
  assert.deepEqual(await members(either), [alice.userId, '@carol:localhost']);
});

onServers('members of then are given to who reads from outside, too [B028 partial]', async ({ person }) => {
  const [alice, bob, carol] = [await person('alice'), await person('bob'), await person('carol')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  const { next_batch: before } = await alice.sync();
  await alice.setState(room, 'm.room.history_visibility', { history_visibility: 'world_readable' });
  const { next_batch: at } = await alice.sync();
  await bob.join(room);
  const members = async (query: string) =>
    (await carol.ok('GET', carol.room(room, `/members${query}`))).chunk
      .map((event: Json) => event.state_key)
      .sort();
  assert.deepEqual(await members(`?at=${at}`), [alice.userId]);
  assert.deepEqual(await members(''), [alice.userId, bob.userId]);
  await carol.fails(403, 'M_FORBIDDEN', 'GET', carol.room(room, `/members?at=${before}`));
  await bob.ok('POST', bob.room(room, '/leave'), {});
  await alice.setState(room, 'm.room.history_visibility', { history_visibility: 'joined' });
  await carol.join(room);
  const { next_batch: later } = await alice.sync();
  const ofBob = await bob.ok('GET', bob.room(room, `/members?at=${later}&membership=join`));
  assert.deepEqual(
    ofBob.chunk.map((event: Json) => event.state_key),
    [alice.userId],
  );
});

onServers(
  'somebody who is in a restricted room vouches for others, however many left it [B093 partial]',
  async ({ person }) => {
    const alice = await person('alice');
    const space = await alice.createRoom({ preset: 'public_chat', creation_content: { type: 'm.space' } });
    const roomId = await alice.createRoom({
      ...{ preset: 'public_chat', room_version: '10' },
      power_level_content_override: { invite: 0 },
    });
    for (let i = 0; i < 21; i++) {
      const user = await person(`a${i}`);
      await user.join(roomId);
      await user.ok('POST', user.room(roomId, '/leave'), {});
    }
    const zoe = await person('zoe');
    await zoe.join(roomId);
    const allow = [{ type: 'm.room_membership', room_id: space }];
    await alice.setState(roomId, 'm.room.join_rules', { join_rule: 'restricted', allow });
    await alice.ok('POST', alice.room(roomId, '/leave'), {});
    const dan = await person('dan');
    await dan.join(space);
    await dan.join(roomId);
  },
);
