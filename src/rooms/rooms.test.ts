import assert from 'node:assert/strict';
import { bodies, type Json } from '../testing/client/test-client.ts';
import { onServers } from '../testing/server/test-server.ts';

const VERSIONS = Array.from({ length: 12 }, (_, i) => String(i + 1));
/** What version 5 is about, the validity of other servers' keys, is shown in `key-validity.test.ts`. */
const ROWS = VERSIONS.map(
  (version) => `[B0${83 + Number(version)}${version === '5' ? ' partial' : ''}]`,
).join(' ');

onServers(
  `rooms of every version take joins, messages, state and redactions ${ROWS} [B030] [B032 partial]`,
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    for (const version of VERSIONS) {
      const room = await alice.createRoom({
        preset: 'public_chat',
        room_version: version,
        name: `v${version}`,
      });
      assert.equal(room.includes(':'), version !== '12');
      await bob.join(room);
      const event = await bob.say(room, 'to be redacted');
      assert.match(event, Number(version) <= 2 ? /^\$.+:localhost$/ : /^\$[A-Za-z0-9+/_-]{43}$/);
      const create = await alice.ok('GET', alice.room(room, '/state/m.room.create/'));
      assert.equal(create.room_version, version);
      assert.equal(create.creator, Number(version) < 11 ? alice.userId : undefined);
      const path = alice.room(room, `/redact/${encodeURIComponent(event)}/r`);
      const { event_id: redaction } = await alice.ok('PUT', path, { reason: 'because' });
      const redacted = await bob.ok('GET', bob.room(room, `/event/${encodeURIComponent(event)}`));
      assert.deepEqual(redacted.content, {});
      assert.equal(redacted.unsigned?.redacted_because?.event_id, redaction);
      const shown = await bob.ok('GET', bob.room(room, `/event/${encodeURIComponent(redaction)}`));
      assert.equal(shown.redacts, event);
      assert.deepEqual(shown.content, { reason: 'because', redacts: event });
    }
    await alice.fails(400, 'M_UNSUPPORTED_ROOM_VERSION', 'POST', '/v3/createRoom', { room_version: '99' });
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

onServers('creators of version 12 are above all levels [B095] [B039]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'trusted_private_chat', invite: [bob.userId] });
  await bob.join(room);
  const create = await alice.ok('GET', alice.room(room, '/state/m.room.create'));
  assert.deepEqual(create.additional_creators, [bob.userId]);
  const levels = await alice.ok('GET', alice.room(room, '/state/m.room.power_levels'));
  assert.deepEqual(levels.users, {});
  assert.equal(levels.events?.['m.room.tombstone'], 150);
  await bob.setState(room, 'm.room.tombstone', { body: 'x', replacement_room: '!y' });
  await alice.fails(400, 'M_BAD_JSON', 'PUT', alice.room(room, '/state/m.room.power_levels/'), {
    ...levels,
    users: { [bob.userId]: 50 },
  });
  await alice.fails(403, 'M_FORBIDDEN', 'POST', alice.room(room, '/kick'), { user_id: bob.userId });
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

onServers('power levels guard state, redactions and their own change [B039] [B029]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat', room_version: '11' });
  await bob.join(room);
  const put = (rest: string) => bob.room(room, rest);
  await bob.fails(403, 'M_FORBIDDEN', 'PUT', put('/state/m.room.name/'), { name: 'mine' });
  await bob.fails(403, 'M_FORBIDDEN', 'PUT', put('/state/m.room.power_levels/'), {
    users: { [bob.userId]: 100 },
  });
  await bob.fails(403, 'M_FORBIDDEN', 'PUT', put('/state/org.example/@alice:localhost'), {});
  const event = await alice.say(room, "alice's");
  await bob.fails(403, 'M_FORBIDDEN', 'PUT', put(`/redact/${event}/r1`), {});
  assert.equal((await bob.ok('GET', put(`/event/${event}`))).content?.body, "alice's");
  const own = await bob.say(room, "bob's");
  await bob.ok('PUT', put(`/redact/${own}/r2`), {});
  const outsider = await person('carol');
  await outsider.fails(403, 'M_FORBIDDEN', 'PUT', outsider.room(room, '/send/m.room.message/x'), {
    msgtype: 'm.text',
    body: 'x',
  });
});

onServers('everybody may redact what they sent themselves, in every version [B030]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  for (const version of VERSIONS) {
    const room = await alice.createRoom({ preset: 'public_chat', room_version: version });
    await bob.join(room);
    const own = await bob.say(room, 'oops');
    await bob.ok('PUT', bob.room(room, `/redact/${encodeURIComponent(own)}/r1`), {});
    const other = await alice.say(room, 'stays');
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', bob.room(room, `/redact/${encodeURIComponent(other)}/r2`), {});
  }
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

onServers('the same state again makes no new event [B029]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  const first = await alice.setState(room, 'm.room.topic', { topic: 'a', more: { x: 1, y: 2 } });
  assert.equal(await alice.setState(room, 'm.room.topic', { more: { y: 2, x: 1 }, topic: 'a' }), first);
  const second = await alice.setState(room, 'm.room.topic', { topic: 'b' });
  assert.notEqual(second, first);
  const event = await alice.ok('GET', alice.room(room, '/state/m.room.topic?format=event'));
  assert.equal(event.event_id, second);
  assert.equal(event.unsigned?.replaces_state, first);
  assert.equal(event.unsigned?.prev_content?.topic, 'a');
  await alice.fails(404, 'M_NOT_FOUND', 'GET', alice.room(room, '/state/m.room.avatar'));
});

onServers('messages are paged both ways, filtered, and end [B028 partial]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  for (let i = 0; i < 25; i++) await alice.say(room, `m${i}`);
  const seen: string[] = [];
  let from = '';
  for (;;) {
    const page = await alice.ok('GET', alice.room(room, `/messages?dir=b&limit=7${from}`));
    seen.push(...bodies(page.chunk));
    if (page.end === undefined) break;
    from = `&from=${page.end}`;
  }
  assert.deepEqual(
    seen,
    Array.from({ length: 25 }, (_, i) => `m${24 - i}`),
  );
  const forwards = await alice.ok('GET', alice.room(room, '/messages?dir=f&limit=100'));
  assert.equal(forwards.chunk[0]?.type, 'm.room.create');
  const filter = encodeURIComponent(JSON.stringify({ types: ['m.room.create'] }));
  const filtered = await alice.ok('GET', alice.room(room, `/messages?dir=b&limit=5&filter=${filter}`));
  assert.deepEqual(
    filtered.chunk.map((event: Json) => event.type),
    ['m.room.create'],
  );
  const beyond = `/messages?dir=b&limit=5&filter=${filter}&from=${filtered.end ?? ''}`;
  const last = await alice.ok('GET', alice.room(room, beyond));
  assert.deepEqual([last.chunk, last.end], [[], undefined]);
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', alice.room(room, '/messages?dir=x'));
});

onServers('context shows what came before and after [B047]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  const ids: string[] = [];
  for (let i = 0; i < 9; i++) ids.push(await alice.say(room, `m${i}`));
  const context = await alice.ok('GET', alice.room(room, `/context/${ids[4] ?? ''}?limit=4`));
  assert.equal(context.event?.content?.body, 'm4');
  assert.deepEqual(bodies(context.events_before), ['m3', 'm2']);
  assert.deepEqual(bodies(context.events_after), ['m5', 'm6']);
  assert.ok(context.state?.some((event: Json) => event.type === 'm.room.create'));
  const older = await alice.ok(
    'GET',
    alice.room(room, `/messages?dir=b&limit=1&from=${context.start ?? ''}`),
  );
  assert.deepEqual(bodies(older.chunk), ['m1']);
  const newer = await alice.ok('GET', alice.room(room, `/messages?dir=f&limit=1&from=${context.end ?? ''}`));
  assert.deepEqual(bodies(newer.chunk), ['m7']);
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
});

onServers('aliases and the canonical alias [B033 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  const path = (name: string) => `/v3/directory/room/${encodeURIComponent(`#${name}:localhost`)}`;
  await alice.ok('PUT', path('one'), { room_id: room });
  await bob.fails(409, 'M_UNKNOWN', 'PUT', path('one'), { room_id: room }).catch(async () => {
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', path('one'), { room_id: room });
  });
  assert.deepEqual((await bob.ok('GET', path('one'))).servers, ['localhost']);
  assert.deepEqual((await alice.ok('GET', alice.room(room, '/aliases'))).aliases, ['#one:localhost']);
  const canonical = alice.room(room, '/state/m.room.canonical_alias/');
  await alice.fails(400, 'M_BAD_ALIAS', 'PUT', canonical, { alias: '#two:localhost' });
  await alice.fails(400, 'M_INVALID_PARAM', 'PUT', canonical, { alias: 'two' });
  await alice.ok('PUT', canonical, { alias: '#one:localhost' });
  assert.equal((await bob.join('#one:localhost')).room_id, room);
  await bob.fails(403, 'M_FORBIDDEN', 'DELETE', path('one'));
  await alice.ok('DELETE', path('one'));
  assert.deepEqual(await alice.ok('GET', canonical), {});
  await bob.fails(404, 'M_NOT_FOUND', 'GET', path('one'));
});

onServers('the directory lists, searches and pages [B033]', async ({ person, anonymous }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const rooms: string[] = [];
  for (const name of ['Alpha', 'Beta', 'Gamma']) {
    const type = name === 'Beta' ? { creation_content: { type: 'm.space' } } : {};
    rooms.push(await alice.createRoom({ visibility: 'public', name, topic: `about ${name}`, ...type }));
  }
  await bob.join(rooms[1] ?? '');
  const all = await anonymous().ok('GET', '/v3/publicRooms');
  assert.equal(all.total_room_count_estimate, 3);
  assert.equal(all.chunk[0]?.name, 'Beta');
  assert.deepEqual([all.chunk[0]?.num_joined_members, all.chunk[0]?.join_rule], [2, 'public']);
  const names: string[] = [];
  let since = '';
  do {
    const page = await anonymous().ok('GET', `/v3/publicRooms?limit=1${since}`);
    names.push(...page.chunk.map((room: Json) => room.name ?? ''));
    since = page.next_batch === undefined ? '' : `&since=${encodeURIComponent(page.next_batch)}`;
  } while (since !== '');
  assert.deepEqual(names.sort(), ['Alpha', 'Beta', 'Gamma']);
  const found = await bob.ok('POST', '/v3/publicRooms', { filter: { generic_search_term: 'GAMM' } });
  assert.deepEqual(
    found.chunk.map((room: Json) => room.name),
    ['Gamma'],
  );
  const ofTypes = async (...types: (string | null)[]) =>
    (await bob.ok('POST', '/v3/publicRooms', { filter: { room_types: types } })).chunk
      .map((room: Json) => room.name)
      .sort();
  assert.deepEqual(await ofTypes('m.space'), ['Beta']);
  assert.deepEqual(await ofTypes(null), ['Alpha', 'Gamma']);
  assert.deepEqual(await ofTypes(null, 'm.space'), ['Alpha', 'Beta', 'Gamma']);
  const path = `/v3/directory/list/room/${encodeURIComponent(rooms[2] ?? '')}`;
  await bob.fails(403, 'M_FORBIDDEN', 'PUT', path, { visibility: 'private' });
  await alice.ok('PUT', path, { visibility: 'private' });
  assert.equal((await anonymous().ok('GET', path)).visibility, 'private');
  await anonymous().fails(404, 'M_NOT_FOUND', 'GET', '/v3/directory/list/room/!none:localhost');
  assert.equal((await anonymous().ok('GET', '/v3/publicRooms')).chunk.length, 2);
  await alice.ok('POST', alice.room(rooms[0] ?? '', '/leave'), {});
  const left = await anonymous().ok('GET', '/v3/publicRooms');
  assert.deepEqual(
    [left.chunk.map((room: Json) => room.name), left.total_room_count_estimate],
    [['Beta'], 1],
  );
});

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

onServers('one person reacts to one event with one key once [B046]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  const event = await alice.say(room, 'react!');
  const reaction = (key: string) => ({ 'm.relates_to': { rel_type: 'm.annotation', event_id: event, key } });
  const first = await alice.send(room, 'm.reaction', reaction('+'));
  await alice.fails(
    400,
    'M_DUPLICATE_ANNOTATION',
    'PUT',
    alice.room(room, '/send/m.reaction/again'),
    reaction('+'),
  );
  await alice.send(room, 'm.reaction', reaction('-'));
  await alice.ok('PUT', alice.room(room, `/redact/${first}/undo`), {});
  await alice.send(room, 'm.reaction', reaction('+'));
});

onServers('events have limits [B029]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  const path = alice.room(room, '/send/m.room.message/big');
  await alice.fails(413, 'M_TOO_LARGE', 'PUT', path, { msgtype: 'm.text', body: 'x'.repeat(66_000) });
  await alice.fails(400, 'M_BAD_JSON', 'PUT', path, { msgtype: 'm.text', body: 'x', number: 1.5 });
  await alice.fails(400, 'M_BAD_JSON', 'PUT', path, []);
  await alice.fails(400, 'M_NOT_JSON', 'PUT', path, '{"body":');
  await alice.fails(400, 'M_BAD_JSON', 'PUT', path, '{"msgtype":"m.text","body":"\\ud800"}');
  const long = await alice.ask('PUT', alice.room(room, `/state/${'t'.repeat(300)}/`), {});
  assert.equal(long.status >= 400 && long.status < 500, true, String(long.status));
});

onServers('profiles show in rooms and have limits [B037 partial]', async ({ person, anonymous }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const path = `/v3/profile/${bob.userId}`;
  await bob.ok('PUT', `${path}/displayname`, { displayname: 'Bobby' });
  await bob.ok('PUT', `${path}/org.example.mood`, { 'org.example.mood': { now: 'happy' } });
  assert.deepEqual(await anonymous().ok('GET', path), {
    displayname: 'Bobby',
    'org.example.mood': { now: 'happy' },
  });
  const members = await alice.ok('GET', alice.room(room, '/joined_members'));
  assert.deepEqual(members.joined?.[bob.userId], { display_name: 'Bobby', avatar_url: null });
  await bob.ok('DELETE', `${path}/org.example.mood`);
  await anonymous().fails(404, 'M_NOT_FOUND', 'GET', `${path}/org.example.mood`);
  await alice.fails(403, 'M_FORBIDDEN', 'PUT', `${path}/displayname`, { displayname: 'Eve' });
  await anonymous().fails(404, 'M_NOT_FOUND', 'GET', '/v3/profile/@nobody:localhost');
  const key = 'k'.repeat(256);
  await bob.fails(400, 'M_KEY_TOO_LARGE', 'PUT', `${path}/${key}`, { [key]: 1 });
  await bob.fails(400, 'M_PROFILE_TOO_LARGE', 'PUT', `${path}/big`, { big: 'x'.repeat(66_000) });
  await bob.fails(400, 'M_MISSING_PARAM', 'PUT', `${path}/displayname`, {});
});

onServers(
  'many at once write into rooms of every kind of event ID [B084] [B085] [B086]',
  async ({ person }) => {
    const alice = await person('alice');
    for (const version of ['1', '2', '3', '11']) {
      const room = await alice.createRoom({ room_version: version });
      const sent = await Promise.all(
        Array.from({ length: 40 }, (_, i) =>
          i % 4 === 0 ? alice.setState(room, 'org.example', { i }, `k${i}`) : alice.say(room, `m${i}`),
        ),
      );
      const { chunk } = await alice.ok('GET', alice.room(room, '/messages?dir=b&limit=40'));
      assert.deepEqual(new Set(chunk.map((event: Json) => event.event_id)), new Set(sent));
    }
  },
);
