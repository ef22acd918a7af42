import assert from 'node:assert/strict';
import { sql } from '../../storage/sql.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { TestClient, type Json } from '../../testing/client/test-client.ts';
import { openPlaceDatabase } from '../../testing/server/place-database.ts';
import { onServers, type TestServer } from '../../testing/server/test-server.ts';

onServers('an upgrade moves people on to a new room [B069]', async ({ person }) => {
  const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map(person));
  assert.ok(alice && bob && carol);
  const old = await alice.createRoom({
    visibility: 'public',
    room_alias_name: 'moving',
    name: 'M',
    room_version: '9',
  });
  await bob.join(old);
  await alice.ok('POST', alice.room(old, '/ban'), { user_id: carol.userId });
  await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(old, '/upgrade'), { new_version: '12' });
  await alice.fails(400, 'M_UNSUPPORTED_ROOM_VERSION', 'POST', alice.room(old, '/upgrade'), {
    new_version: 'x',
  });
  const { replacement_room: room } = await alice.ok('POST', alice.room(old, '/upgrade'), {
    new_version: '12',
  });
  assert.equal((await bob.ok('GET', bob.room(old, '/state/m.room.tombstone'))).replacement_room, room);
  assert.equal((await bob.ok('GET', '/v3/directory/room/%23moving%3Alocalhost')).room_id, room);
  await bob.fails(403, 'M_FORBIDDEN', 'PUT', bob.room(old, '/send/m.room.message/1'), {
    msgtype: 'm.text',
    body: 'too late',
  });
  await bob.join(room);
  assert.equal((await bob.ok('GET', bob.room(room, '/state/m.room.name'))).name, 'M');
  assert.equal((await bob.ok('GET', bob.room(room, '/state/m.room.create'))).predecessor?.room_id, old);
  assert.equal(
    (await bob.ok('GET', bob.room(room, '/state/m.room.canonical_alias'))).alias,
    '#moving:localhost',
  );
  await carol.fails(403, 'M_FORBIDDEN', 'POST', carol.room(room, '/join'), {});
  assert.deepEqual(
    (await bob.ok('GET', '/v3/publicRooms')).chunk.map((one: Json) => one.room_id),
    [room],
  );
});

/** Has whatever servers decide about a room wait until so many decisions are due. */
function gather(servers: readonly TestServer['server'][], roomId: string, count: number): void {
  const all = Promise.withResolvers<void>();
  let due = 0;
  for (const { services } of new Set(servers)) {
    const append = services.writer.append.bind(services.writer);
    services.writer.append = async (where, decide) => {
      if (where === roomId) due += 1;
      if (due === count) all.resolve();
      if (where === roomId) await all.promise;
      return append(where, decide);
    };
  }
}

onServers('of several upgrades at once, one is made', async ({ person, server, another }) => {
  const alice = await person('alice');
  const other = await another();
  const elsewhere = new TestClient(other.url, alice.token);
  const old = await alice.createRoom({ room_version: '9', room_alias_name: 'once' });
  gather([server, other], old, 4);
  const answers = await Promise.all(
    [alice, elsewhere, alice, elsewhere].map((client) =>
      client.ask('POST', client.room(old, '/upgrade'), { new_version: '12' }),
    ),
  );
  const made = answers.filter((answer) => answer.status === 200);
  assert.equal(made.length, 1);
  const refused = answers.filter((answer) => answer.body.errcode === 'M_BAD_STATE');
  assert.deepEqual(
    refused.map((answer) => answer.status),
    [400, 400, 400],
  );
  const room = made[0]?.body.replacement_room;
  assert.equal((await alice.ok('GET', alice.room(old, '/state/m.room.tombstone'))).replacement_room, room);
  assert.deepEqual(new Set((await alice.ok('GET', '/v3/joined_rooms')).joined_rooms), new Set([old, room]));
  assert.equal((await elsewhere.ok('GET', '/v3/directory/room/%23once%3Alocalhost')).room_id, room);
  await elsewhere.say(room, 'this one it is');
  const again = await elsewhere.ok('POST', elsewhere.room(old, '/upgrade'), { new_version: '12' });
  assert.notEqual(again.replacement_room, room);
});

onServers('a room that cannot be closed is not replaced', async ({ person, server }) => {
  const alice = await person('alice');
  const old = await alice.createRoom({ room_version: '9' });
  const { writer } = server.services;
  const append = writer.append.bind(writer);
  writer.append = async (roomId, decide) => {
    writer.append = append;
    const demoted = { users: { [alice.userId]: 50 }, events: { 'm.room.tombstone': 100 } };
    await alice.setState(old, 'm.room.power_levels', demoted);
    return append(roomId, decide);
  };
  await alice.fails(403, 'M_FORBIDDEN', 'POST', alice.room(old, '/upgrade'), { new_version: '12' });
  assert.deepEqual((await alice.ok('GET', '/v3/joined_rooms')).joined_rooms, [old]);
});

/** The room that replaces another, and its power levels. */
async function upgraded(
  who: TestClient,
  old: string,
  wishes: object,
): Promise<{ room: string; levels: Json }> {
  const { replacement_room: room } = await who.ok('POST', who.room(old, '/upgrade'), wishes);
  return { room, levels: await who.ok('GET', who.room(room, '/state/m.room.power_levels/')) };
}

onServers('power levels that are texts become integers where the new version has no others', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  const old = await alice.createRoom({
    room_version: '9',
    power_level_content_override: {
      kick: '60',
      users_default: '10',
      users: { [alice.userId]: '100', [bob.userId]: ' 70' },
      events: { 'm.room.name': '30', 'm.room.topic': 'nonsense' },
      notifications: { room: '40' },
    },
  });
  const { levels } = await upgraded(alice, old, { new_version: '10' });
  assert.deepEqual([levels.kick, levels.users_default, levels.notifications.room], [60, 10, 40]);
  assert.deepEqual(levels.users, { [alice.userId]: 100, [bob.userId]: 70 });
  assert.deepEqual(levels.events, { 'm.room.name': 30 });
});

onServers('numbers in state become integers where the new version has no others', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  const old = await alice.createRoom({
    room_version: '5',
    room_alias_name: 'odd',
    power_level_content_override: { 'org.example': { level: -2.5 } },
  });
  const avatar = '{"url":"mxc://localhost/x","info":{"w":10.5,"h":1e3,"size":1e30}}';
  await alice.ok('PUT', alice.room(old, '/state/m.room.avatar/'), avatar);
  await alice.setState(old, 'm.room.canonical_alias', { alias: '#odd:localhost', 'org.example': [0.5] });
  await alice.setState(old, 'm.room.member', { membership: 'ban', 'org.example': 7.5 }, bob.userId);
  const { room, levels } = await upgraded(alice, old, { new_version: '12' });
  assert.deepEqual(levels['org.example'], { level: -2 });
  const state = (key: string) => alice.ok('GET', alice.room(room, `/state/${key}`));
  const { info } = await state('m.room.avatar/');
  assert.deepEqual(info, { w: 10, h: 1000, size: Number.MAX_SAFE_INTEGER });
  assert.deepEqual((await state('m.room.canonical_alias/'))['org.example'], [0]);
  assert.equal((await state(`m.room.member/${bob.userId}`))['org.example'], 7);
});

onServers(
  'a room keeps its policy server when it is upgraded [B069 partial] [B059 partial]',
  async ({ person }) => {
    const alice = await person('alice');
    const old = await alice.createRoom({ room_version: '11' });
    const policy = { via: 'policy.test', public_keys: { ed25519: 'a'.repeat(43) } };
    await alice.setState(old, 'm.room.policy', policy);
    const { room } = await upgraded(alice, old, { new_version: '12' });
    assert.deepEqual(await alice.ok('GET', alice.room(room, '/state/m.room.policy/')), policy);
  },
);

onServers('what the old room did not have, the new one does not have either', async ({ person }) => {
  const alice = await person('alice');
  const old = await alice.createRoom({
    ...{ room_version: '9', preset: 'public_chat', visibility: 'private' },
    power_level_content_override: { invite: 'nonsense' },
  });
  const { room, levels } = await upgraded(alice, old, { new_version: '11' });
  const guests = alice.room(room, '/state/m.room.guest_access/');
  await alice.fails(404, 'M_NOT_FOUND', 'GET', guests);
  assert.equal('invite' in levels, false);
  await alice.setState(room, 'm.room.power_levels', { users: { [alice.userId]: 100 } });
  const { room: next, levels: few } = await upgraded(alice, room, { new_version: '10' });
  assert.deepEqual(few, { users: { [alice.userId]: 100 } });
  await alice.fails(404, 'M_NOT_FOUND', 'GET', alice.room(next, '/state/m.room.guest_access/'));
});

onServers(
  'what the old room asked more power for than was left to everybody stays so',
  async ({ person }) => {
    const alice = await person('alice');
    const levelsAfter = async (wished: object, version: string) => {
      const old = await alice.createRoom({ room_version: version, power_level_content_override: wished });
      await upgraded(alice, old, { new_version: '12' });
      const levels = await alice.ok('GET', alice.room(old, '/state/m.room.power_levels/'));
      return [levels.invite, levels.events_default];
    };
    assert.deepEqual(await levelsAfter({ invite: 100, events_default: 75 }, '11'), [100, 75]);
    assert.deepEqual(await levelsAfter({ invite: '90', users_default: '60' }, '9'), [90, 61]);
  },
);

onServers('the new room names the last event of the old one, before version 12', async ({ person }) => {
  const alice = await person('alice');
  const old = await alice.createRoom({ room_version: '10' });
  const last = await alice.say(old, 'the last word');
  const { room } = await upgraded(alice, old, { new_version: '11' });
  const create = await alice.ok('GET', alice.room(room, '/state/m.room.create/'));
  assert.deepEqual(create.predecessor, { room_id: old, event_id: last });
  const { room: next } = await upgraded(alice, room, { new_version: '12' });
  const { predecessor } = await alice.ok('GET', alice.room(next, '/state/m.room.create/'));
  assert.deepEqual(predecessor, { room_id: room });
});

onServers('who was banned may be a creator of the new room', async ({ person }) => {
  const [alice, bob, carol] = await Promise.all(['alice', 'bob', 'carol'].map(person));
  assert.ok(alice && bob && carol);
  const old = await alice.createRoom({ room_version: '11', preset: 'public_chat' });
  for (const { userId } of [bob, carol]) {
    await alice.ok('POST', alice.room(old, '/ban'), { user_id: userId });
  }
  const wishes = { new_version: '12', additional_creators: [bob.userId] };
  const { room } = await upgraded(alice, old, wishes);
  await bob.join(room);
  await carol.fails(403, 'M_FORBIDDEN', 'POST', carol.room(room, '/join'), {});
});

/** Further members of a room, as if they had come. */
const addMember = sql(
  `INSERT INTO current_state (room_id, type, state_key, position) SELECT room_id, type, ?, position
   FROM current_state WHERE room_id = ? AND type = 'm.room.member' AND state_key = ?`,
);

onServers('who was banned stays so, however many others are or were in the room', async (s) => {
  const [alice, zoe] = [await s.person('alice'), await s.person('zoe')];
  const old = await alice.createRoom({ preset: 'public_chat' });
  await alice.ok('POST', alice.room(old, '/ban'), { user_id: zoe.userId });
  const unit = new UnitOfWork();
  for (let i = 0; i < 10_000; i++) unit.run(addMember, `@member${i}:localhost`, old, alice.userId);
  const database = await openPlaceDatabase(s.place);
  await database.commit(unit);
  await database.close();
  const { room } = await upgraded(alice, old, { new_version: '12' });
  await zoe.fails(403, 'M_FORBIDDEN', 'POST', zoe.room(room, '/join'), {});
});

onServers('a space takes the rooms below it along', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  for (const next of ['11', '12']) {
    const old = await alice.createRoom({
      ...{ room_version: '10', preset: 'public_chat', creation_content: { type: 'm.space' } },
      power_level_content_override: { users: { [alice.userId]: 100, [bob.userId]: 50 } },
    });
    const [kept, gone] = [await alice.createRoom(), await alice.createRoom()];
    const child = { via: ['localhost'], order: 'a', suggested: true };
    for (const room of [kept, gone]) await alice.setState(old, 'm.space.child', child, room);
    await alice.setState(old, 'm.space.child', {}, gone);
    await alice.setState(old, 'm.space.child', child, alice.userId);
    await bob.join(old);
    await bob.setState(old, 'm.space.child', child, bob.userId);
    const { room } = await upgraded(alice, old, { new_version: next });
    const { rooms } = await alice.ok('GET', `/v1/rooms/${encodeURIComponent(room)}/hierarchy`);
    assert.deepEqual(
      rooms.map((one: Json) => one.room_id),
      [room, kept],
    );
    assert.deepEqual(rooms[0].children_state[0].content, child);
    await alice.fails(404, 'M_NOT_FOUND', 'GET', alice.room(room, `/state/m.space.child/${gone}`));
  }
});

onServers('additional creators are ignored where the new version knows none', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const old = await alice.createRoom({ room_version: '10', preset: 'public_chat' });
  await alice.ok('POST', alice.room(old, '/ban'), { user_id: bob.userId });
  const wishes = { new_version: '11', additional_creators: [bob.userId] };
  const { room } = await upgraded(alice, old, wishes);
  const create = await alice.ok('GET', alice.room(room, '/state/m.room.create/'));
  assert.equal('additional_creators' in create, false);
  await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(room, '/join'), {});
});

onServers(
  'state that is above the upgrader is taken over, and what it takes stays so',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const levels = {
      users: { [alice.userId]: 100, [bob.userId]: 150, '@mallory:localhost': 130 },
      events: { 'm.room.avatar': 150, 'm.room.tombstone': 100, 'm.room.power_levels': 150 },
    };
    const old = await alice.createRoom({
      room_version: '10',
      preset: 'public_chat',
      power_level_content_override: levels,
    });
    await bob.join(old);
    await bob.setState(old, 'm.room.avatar', { url: 'mxc://localhost/x' });
    await bob.ok('POST', bob.room(old, '/ban'), { user_id: '@mallory:localhost' });
    const { room, levels: after } = await upgraded(alice, old, { new_version: '11' });
    const avatar = await alice.ok('GET', alice.room(room, '/state/m.room.avatar/'));
    assert.equal(avatar.url, 'mxc://localhost/x');
    const member = await alice.ok('GET', alice.room(room, '/state/m.room.member/@mallory:localhost'));
    assert.equal(member.membership, 'ban');
    assert.deepEqual({ users: after.users, events: after.events }, levels);
    await alice.fails(403, 'M_FORBIDDEN', 'PUT', alice.room(room, '/state/m.room.avatar/'), {});
  },
);
