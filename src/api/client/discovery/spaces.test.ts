import assert from 'node:assert/strict';
import type { Json, TestClient } from '../../../testing/client/test-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';

const SPACE = { creation_content: { type: 'm.space' } };
const VIA = { via: ['localhost'] };

function hierarchy(room: string, query = '', prefix = '/v1'): string {
  return `${prefix}/rooms/${encodeURIComponent(room)}/hierarchy${query}`;
}

function ids(body: Json): string[] {
  return body.rooms.map((room: Json) => room.room_id);
}

function childrenOf(body: Json, room: string): string[] {
  const found = body.rooms.find((one: Json) => one.room_id === room);
  return found.children_state.map((child: Json) => child.state_key);
}

async function child(person: TestClient, space: string, room: string, more: object = {}): Promise<void> {
  await person.setState(space, 'm.space.child', { ...VIA, ...more }, room);
}

onServers('the rooms below a space are listed depth first [B075]', async (s) => {
  const alice = await s.person('alice');
  const open = (name: string, more: object = {}) =>
    alice.createRoom({ preset: 'public_chat', name, ...more });
  const root = await open('Root', SPACE);
  const r1 = await open('R1');
  const ss1 = await open('SS1', { ...SPACE, topic: 'Some topic' });
  const r2 = await open('R2');
  const ss2 = await open('SS2', SPACE);
  const r3 = await open('R3');
  const r4 = await open('R4');
  const r5 = await open('R5');
  await child(alice, root, r1, { suggested: true });
  await child(alice, root, ss1);
  await child(alice, root, r2, { suggested: true });
  await child(alice, r2, r5);
  await child(alice, ss1, ss2);
  await child(alice, ss2, r3);
  await child(alice, ss2, r4);
  await child(alice, ss2, root);
  await child(alice, ss2, '!unknown:elsewhere.example');

  const all = await alice.ok('GET', hierarchy(root));
  assert.deepEqual(ids(all), [root, r1, ss1, ss2, r3, r4, r2]);
  assert.equal('next_batch' in all, false);
  assert.deepEqual(childrenOf(all, root), [r1, ss1, r2]);
  assert.deepEqual([childrenOf(all, r2), childrenOf(all, ss1)], [[], [ss2]]);
  const [stripped] = all.rooms[0].children_state;
  assert.deepEqual(Object.keys(stripped).sort(), [
    'content',
    'origin_server_ts',
    'sender',
    'state_key',
    'type',
  ]);
  const { name, topic, room_type: type, num_joined_members: members, join_rule: rule } = all.rooms[2];
  assert.deepEqual([name, topic, type, members, rule], ['SS1', 'Some topic', 'm.space', 1, 'public']);

  const shallow = await alice.ok('GET', hierarchy(root, '?max_depth=1'));
  assert.deepEqual(ids(shallow), [root, r1, ss1, r2]);
  assert.deepEqual(ids(await alice.ok('GET', hierarchy(root, '?max_depth=0'))), [root]);
  const suggested = await alice.ok('GET', hierarchy(root, '?suggested_only=true'));
  assert.deepEqual(
    [ids(suggested), childrenOf(suggested, root)],
    [
      [root, r1, r2],
      [r1, r2],
    ],
  );

  const first = await alice.ok('GET', hierarchy(root, '?limit=4'));
  assert.deepEqual(ids(first), [root, r1, ss1, ss2]);
  const token = first.next_batch;
  const second = await alice.ok('GET', hierarchy(root, `?from=${token}`));
  assert.deepEqual([ids(second), second.next_batch], [[r3, r4, r2], undefined]);
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', hierarchy(root, `?from=${token}&max_depth=1`));
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', hierarchy(root, `?from=${token}&suggested_only=true`));
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', hierarchy(root, '?from=nonsense'));
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', hierarchy(root, '?limit=0'));
  assert.deepEqual(ids(await alice.ok('GET', hierarchy(root, '', '/unstable/org.matrix.msc2946'))), ids(all));

  await alice.setState(root, 'm.space.child', {}, ss1);
  const cut = await alice.ok('GET', hierarchy(root));
  assert.deepEqual(
    [ids(cut), childrenOf(cut, root)],
    [
      [root, r1, r2],
      [r1, r2],
    ],
  );
});

onServers('a space that is met again less deep is gone into from there [B075]', async (s) => {
  const alice = await s.person('alice');
  const open = (more: object = SPACE) => alice.createRoom({ preset: 'public_chat', ...more });
  const [root, long, longer, short, shared] = [
    await open(),
    await open(),
    await open(),
    await open(),
    await open(),
  ];
  const room = await open({});
  await child(alice, root, long, { order: 'a' });
  await child(alice, root, short, { order: 'b' });
  await child(alice, long, longer);
  await child(alice, longer, shared);
  await child(alice, short, shared);
  await child(alice, shared, room);
  await child(alice, shared, root);
  const within = async (depth: number) => ids(await alice.ok('GET', hierarchy(root, `?max_depth=${depth}`)));
  assert.deepEqual(await within(2), [root, long, longer, short, shared]);
  assert.deepEqual(await within(3), [root, long, longer, shared, short, room]);
  assert.deepEqual(await within(4), [root, long, longer, shared, room, short]);
  const first = await alice.ok('GET', hierarchy(root, '?max_depth=3&limit=5'));
  const second = await alice.ok('GET', hierarchy(root, `?from=${first.next_batch}`));
  assert.deepEqual([ids(first).length, ids(second), second.next_batch], [5, [room], undefined]);
});

onServers('children have an order [B075]', async (s) => {
  const alice = await s.person('alice');
  const root = await alice.createRoom(SPACE);
  const rooms: string[] = [];
  const orders = [undefined, 'b', 'a', ' ', 'a', 'not \u00e4scii', 'x'.repeat(51), 7];
  for (const order of orders) {
    const room = await alice.createRoom();
    rooms.push(room);
    await child(alice, root, room, order === undefined ? {} : { order });
  }
  const expected = [3, 2, 4, 1, 0, 5, 6, 7].map((i) => rooms[i]);
  assert.deepEqual(ids(await alice.ok('GET', hierarchy(root))).slice(1), expected);
});

onServers('one sees the rooms that one may join or read [B075]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const root = await alice.createRoom({ ...SPACE, preset: 'public_chat' });
  const join = (content: object) => [{ type: 'm.room.join_rules', content }];
  const allow = (room: string) => [{ type: 'm.room_membership', room_id: room }];
  const invited = await alice.createRoom({ invite: [bob.userId] });
  const secret = await alice.createRoom();
  const open = await alice.createRoom({ preset: 'public_chat' });
  const banned = await alice.createRoom({ preset: 'public_chat' });
  await alice.ok('POST', alice.room(banned, '/ban'), { user_id: bob.userId });
  const knock = await alice.createRoom({ initial_state: join({ join_rule: 'knock' }) });
  const both = await alice.createRoom({
    initial_state: join({ join_rule: 'knock_restricted', allow: allow(secret) }),
  });
  const forMembers = await alice.createRoom({
    initial_state: join({ join_rule: 'restricted', allow: allow(root) }),
  });
  const forOthers = await alice.createRoom({
    initial_state: join({ join_rule: 'restricted', allow: allow(secret) }),
  });
  const readable = await alice.createRoom({
    initial_state: [{ type: 'm.room.history_visibility', content: { history_visibility: 'world_readable' } }],
  });
  const all = [invited, secret, open, banned, knock, both, forMembers, forOthers, readable];
  for (const room of all) await child(alice, root, room);
  assert.deepEqual(ids(await alice.ok('GET', hierarchy(root))), [root, ...all]);
  const outside = ids(await bob.ok('GET', hierarchy(root)));
  assert.deepEqual(outside, [root, invited, open, knock, both, readable]);
  await bob.join(root);
  const inside = await bob.ok('GET', hierarchy(root));
  assert.deepEqual(ids(inside), [root, invited, open, knock, both, forMembers, readable]);
  const restricted = inside.rooms.find((room: Json) => room.room_id === forMembers);
  assert.deepEqual(restricted.allowed_room_ids, [root]);
  await bob.fails(403, 'M_FORBIDDEN', 'GET', hierarchy(secret));
  await bob.fails(403, 'M_FORBIDDEN', 'GET', hierarchy('!nowhere:localhost'));
  await s.anonymous().fails(401, 'M_MISSING_TOKEN', 'GET', hierarchy(root));
});

onServers(
  'a room is summarised for those who might join it [B036]',
  async (s) => {
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const nobody = s.anonymous();
    const room = await alice.createRoom({
      preset: 'public_chat',
      name: 'Cheese',
      topic: 'Tasty',
      room_alias_name: 'cheese',
      room_version: '11',
      initial_state: [{ type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
    });
    const alias = `#cheese:${alice.userId.split(':')[1]}`;
    const path = (id: string) => `/v1/room_summary/${encodeURIComponent(id)}`;
    const expected = {
      room_id: room,
      name: 'Cheese',
      topic: 'Tasty',
      canonical_alias: alias,
      num_joined_members: 1,
      join_rule: 'public',
      guest_can_join: false,
      world_readable: false,
      encryption: 'm.megolm.v1.aes-sha2',
      room_version: '11',
    };
    assert.deepEqual(await nobody.ok('GET', path(room)), expected);
    assert.deepEqual(await alice.ok('GET', `${path(alias)}?via=a.example&via=b.example`), {
      ...expected,
      membership: 'join',
    });
    assert.equal((await bob.ok('GET', path(alias))).membership, 'leave');
    await alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
    assert.equal((await bob.ok('GET', path(room))).membership, 'invite');
    const id = encodeURIComponent(room);
    const nheko = '/unstable/im.nheko.summary';
    for (const unstable of [`${nheko}/summary/${id}`, `${nheko}/rooms/${id}/summary`]) {
      const body = await nobody.ok('GET', unstable);
      assert.deepEqual([body.room_id, body['im.nheko.summary.version']], [room, '11']);
      assert.equal(body['im.nheko.summary.encryption'], 'm.megolm.v1.aes-sha2');
    }

    const space = await alice.createRoom({ ...SPACE, preset: 'private_chat' });
    const restricted = await alice.createRoom({
      initial_state: [
        {
          type: 'm.room.join_rules',
          content: { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: space }] },
        },
      ],
    });
    const own = await alice.ok('GET', path(restricted));
    assert.deepEqual([own.join_rule, own.allowed_room_ids], ['restricted', [space]]);
    const spaceSummary = await alice.ok('GET', path(space));
    assert.deepEqual([spaceSummary.room_type, 'allowed_room_ids' in spaceSummary], ['m.space', false]);
    for (const person of [bob, nobody]) {
      await person.fails(404, 'M_NOT_FOUND', 'GET', path(restricted));
      await person.fails(404, 'M_NOT_FOUND', 'GET', path(space));
      await person.fails(404, 'M_NOT_FOUND', 'GET', path('!nowhere:localhost'));
      await person.fails(404, 'M_NOT_FOUND', 'GET', path('#nothing:localhost'));
      await person.fails(400, 'M_INVALID_PARAM', 'GET', path('neither'));
    }
    await bob.ok('POST', bob.room(room, '/join'), {});
    const guest = s.anonymous();
    guest.token = (await guest.ok('POST', '/v3/register?kind=guest', {})).access_token;
    assert.equal((await guest.ok('GET', path(room))).num_joined_members, 2);
  },
  { env: { MYELIN_REGISTRATION_GUESTS: 'true' } },
);

onServers('a room that a join rule names wrongly is not told as one whose members may join', async (s) => {
  const alice = await s.person('alice');
  const other = await alice.createRoom({ preset: 'public_chat' });
  const room = await alice.createRoom({ preset: 'public_chat' });
  const allow = ['no room', other, '#alias:localhost'].map((id) => ({
    type: 'm.room_membership',
    room_id: id,
  }));
  await alice.setState(room, 'm.room.join_rules', { join_rule: 'restricted', allow });
  const summary = await alice.ok('GET', `/v1/room_summary/${encodeURIComponent(room)}`);
  assert.deepEqual(summary.allowed_room_ids, [other]);
});
