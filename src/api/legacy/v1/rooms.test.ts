import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Json } from '../../../testing/client/test-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { v1People } from '../../../testing/client/v1-client.ts';
import type { V1Client } from '../../../testing/client/v1-client.ts';

/** The present state of a room, by type and state key. */
async function stateOf(person: V1Client, roomId: string): Promise<Record<string, Json>> {
  const events = (await person.ok('GET', person.room(roomId, '/state'))) as Json[];
  return Object.fromEntries(events.map((event) => [`${event.type} ${event.state_key}`.trimEnd(), event]));
}

/** Contents of a room's state, by type and state key. */
async function contentsOf(person: V1Client, roomId: string): Promise<Record<string, Json>> {
  const state = await stateOf(person, roomId);
  return Object.fromEntries(Object.entries(state).map(([key, { content }]) => [key, content]));
}

const roomIds = async (person: V1Client): Promise<string[]> =>
  (await person.ok('GET', '/initialSync')).rooms.map((room: Json) => room.room_id).sort();

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

  onServers('the room is told its aliases, which are only so many of them [A045]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const room = await alice.createRoom({ room_alias_name: 'one', preset: 'public_chat' });
    const aliases = async () => (await contentsOf(alice, room))['m.room.aliases localhost']?.aliases;
    assert.deepEqual(await aliases(), ['#one:localhost']);
    const path = (alias: string) => `/directory/room/${encodeURIComponent(alias)}`;
    await alice.ok('PUT', path('#two:localhost'), { room_id: room });
    assert.deepEqual(await aliases(), ['#one:localhost', '#two:localhost']);
    await bob.join(room);
    await bob.ok('PUT', path('#three:localhost'), { room_id: room });
    assert.equal((await bob.ok('GET', path('#three:localhost'))).room_id, room);
    assert.deepEqual(await aliases(), ['#one:localhost', '#two:localhost'], 'Bob may not write it');
    await alice.ok('DELETE', path('#two:localhost'));
    assert.deepEqual(await aliases(), ['#one:localhost', '#three:localhost']);
    await alice.setState(room, 'm.room.canonical_alias', { alias: '#three:localhost' });
    assert.equal((await contentsOf(bob, room))['m.room.canonical_alias'].alias, '#three:localhost');
  });

  onServers(
    'aliases are taken once, and deleted by who made them [A002 partial] [A044 partial]',
    async (server) => {
      const [alice, bob] = await v1People(server, 'alice', 'bob');
      const path = `/directory/room/${encodeURIComponent('#garden:localhost')}`;
      const room = await alice.createRoom({ preset: 'public_chat' });
      await alice.fails(404, 'M_NOT_FOUND', 'GET', path);
      await alice.ok('PUT', path, { room_id: room });
      assert.deepEqual(await bob.ok('GET', path), { room_id: room, servers: ['localhost'] });
      await alice.fails(409, 'M_ROOM_IN_USE', 'PUT', path, { room_id: room });
      await alice.fails(400, 'M_BAD_JSON', 'PUT', path, {});
      const foreign = `/directory/room/${encodeURIComponent('#garden:elsewhere.example')}`;
      await alice.fails(400, 'M_INVALID_PARAM', 'PUT', foreign, { room_id: room });
      await bob.join(room);
      await bob.fails(403, 'M_FORBIDDEN', 'DELETE', path);
      await alice.ok('DELETE', path);
      await alice.fails(404, 'M_NOT_FOUND', 'GET', path);
    },
  );

  onServers('whoever asks is told which rooms are public [A046]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const rooms: string[] = [];
    for (const name of ['one', 'two', 'three']) {
      rooms.push(
        await alice.createRoom({ visibility: 'public', room_alias_name: name, name, topic: `of ${name}` }),
      );
    }
    await alice.createRoom({ preset: 'public_chat', name: 'joined by all, shown to none' });
    await alice.setState(rooms[0] ?? '', 'm.room.join_rules', { join_rule: 'public' });
    await bob.join(rooms[0] ?? '');
    const stranger = server.anonymous();
    const list = (query = ''): Promise<Json> =>
      stranger.ok('GET', `/_matrix/client/api/v1/publicRooms${query}`);
    const all = await list();
    assert.deepEqual(all.chunk.map((room: Json) => room.room_id).sort(), [...rooms].sort());
    assert.deepEqual(all.chunk[0], {
      room_id: rooms[0],
      name: 'one',
      topic: 'of one',
      num_joined_members: 2,
      aliases: ['#one:localhost'],
    });
    const pages: Json[] = [];
    for (let from = 'START'; from !== 'END' && pages.length < 5;) {
      const page = await list(`?limit=1&from=${encodeURIComponent(from)}`);
      assert.equal(page.start, from);
      pages.push(...page.chunk);
      from = page.end;
    }
    assert.deepEqual(pages, all.chunk);
    assert.deepEqual((await list('?from=END')).chunk, []);
    const bad = await stranger.ask('GET', '/_matrix/client/api/v1/publicRooms?from=nonsense');
    assert.deepEqual([bad.status, bad.body.errcode], [400, 'M_BAD_PAGINATION']);
  });

  onServers('what one may do in a room is a matter of levels [A047]', async (server) => {
    const [alice, bob, carol] = await v1People(server, 'alice', 'bob', 'carol');
    const room = await alice.createRoom({ preset: 'public_chat' });
    for (const one of [bob, carol]) await one.join(room);
    const levels = (await contentsOf(alice, room))['m.room.power_levels'];
    assert.deepEqual(
      [levels.users[alice.userId], levels.users_default ?? 0, levels.events_default ?? 0],
      [100, 0, 0],
    );
    const topic = bob.room(room, '/state/m.room.topic');
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', topic, { topic: 'mine' });
    const { invite: _, ...known } = levels;
    const users = { ...levels.users, [bob.userId]: 50 };
    await alice.setState(room, 'm.room.power_levels', { ...known, users });
    await bob.ok('PUT', topic, { topic: 'mine' });
    const path = bob.room(room, '/state/m.room.power_levels');
    const change = (more: object) => ({ ...known, users, ...more });
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', path, change({ users: { ...users, [carol.userId]: 51 } }));
    const events = { ...levels.events, 'm.room.power_levels': 50, 'org.gated': 40, 'org.open': 10 };
    await alice.setState(room, 'm.room.power_levels', change({ events, events_default: 20 }));
    await bob.ok(
      'PUT',
      path,
      change({ users: { ...users, [carol.userId]: 30 }, events, events_default: 20 }),
    );
    await bob.fails(
      403,
      'M_FORBIDDEN',
      'PUT',
      path,
      change({ users: { ...users, [carol.userId]: 51 }, events }),
    );
    await carol.send(room, 'org.open', {});
    await carol.say(room, 'above the default');
    await carol.fails(403, 'M_FORBIDDEN', 'POST', carol.room(room, '/send/org.gated'), {});
    await carol.fails(403, 'M_FORBIDDEN', 'POST', carol.room(room, '/ban'), { user_id: bob.userId });
    const kick = bob.room(room, `/state/m.room.member/${alice.userId}`);
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', kick, { membership: 'leave' });
    const said = await bob.say(room, 'unwanted');
    await carol.fails(
      403,
      'M_FORBIDDEN',
      'POST',
      carol.room(room, `/redact/${encodeURIComponent(said)}`),
      {},
    );
    await alice.ok('POST', alice.room(room, `/redact/${encodeURIComponent(said)}`), {});
    await alice.setState(room, 'm.room.power_levels', { ...known, users, state_default: 0 });
    await carol.setState(room, 'm.room.topic', { topic: 'anybody' });
  });

  onServers('who is not invited is not let into a closed room [A048]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const room = await alice.createRoom({ preset: 'private_chat' });
    const join = bob.room(room, '/join');
    await bob.fails(403, 'M_FORBIDDEN', 'POST', join, {});
    await bob.fails(403, 'M_FORBIDDEN', 'POST', `/join/${encodeURIComponent(room)}`, {});
    await alice.setState(room, 'm.room.join_rules', { join_rule: 'public' });
    assert.deepEqual(await bob.ok('POST', join, 'null'), { room_id: room }, 'null is no body');
    await bob.ok('POST', bob.room(room, '/leave'), {});
    for (const reserved of ['knock', 'private']) {
      await alice.setState(room, 'm.room.join_rules', { join_rule: reserved });
      await bob.fails(403, 'M_FORBIDDEN', 'POST', join, {});
    }
    await alice.setState(room, 'm.room.join_rules', { join_rule: 'invite' });
    await alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
    await bob.ok('POST', join, {});
  });

  onServers('people are invited, join, leave, are put out and shut out [A049]', async (server) => {
    const [alice, bob, carol] = await v1People(server, 'alice', 'bob', 'carol');
    const room = await alice.createRoom({ preset: 'private_chat' });
    const membership = async (): Promise<Json> =>
      (await alice.ok('GET', alice.room(room, `/state/m.room.member/${bob.userId}`))).membership;
    const state = (person: V1Client, target: V1Client) =>
      person.room(room, `/state/m.room.member/${target.userId}`);
    const invite = () => alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
    await invite();
    assert.equal(await membership(), 'invite');
    await bob.join(room);
    assert.deepEqual(await roomIds(bob), [room]);
    await bob.ok('POST', bob.room(room, '/leave'), {});
    assert.deepEqual(await roomIds(bob), []);
    await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(room, '/join'), {});
    await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(room, '/send/m.room.message'), {
      msgtype: 'm.text',
      body: 'still there',
    });
    await alice.ok('PUT', state(alice, bob), { membership: 'invite' });
    await bob.ok('PUT', state(bob, bob), { membership: 'join' });
    assert.equal(await membership(), 'join');
    await alice.ok('PUT', state(alice, bob), { membership: 'leave', reason: 'enough' });
    assert.equal(await membership(), 'leave');
    assert.deepEqual(await roomIds(bob), []);
    await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(room, '/join'), {});
    await invite();
    await bob.join(room);
    await bob.ok('PUT', state(bob, bob), { membership: 'leave' });
    await invite();
    await bob.join(room);
    await alice.ok('POST', alice.room(room, '/invite'), { user_id: carol.userId });
    await carol.join(room);
    await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(room, '/ban'), { user_id: carol.userId });
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', state(bob, carol), { membership: 'leave' });
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', state(bob, carol), { membership: 'join' });
    const levels = (await contentsOf(alice, room))['m.room.power_levels'];
    const users = { ...levels.users, [bob.userId]: 50, [carol.userId]: 50 };
    await alice.setState(room, 'm.room.power_levels', { ...levels, users });
    await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(room, '/ban'), { user_id: carol.userId });
    await alice.ok('POST', alice.room(room, '/ban'), { user_id: bob.userId, reason: 'spam' });
    assert.equal(await membership(), 'ban');
    assert.deepEqual(await roomIds(bob), []);
    await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(room, '/join'), {});
    await alice.fails(403, 'M_FORBIDDEN', 'POST', alice.room(room, '/invite'), { user_id: bob.userId });
    await alice.ok('PUT', state(alice, bob), { membership: 'leave' });
    await invite();
    await bob.join(room);
    await alice.ok('PUT', state(alice, bob), { membership: 'ban' });
    assert.equal(await membership(), 'ban');
  });

  onServers('who is invited is shown what room it is [A051]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const { end } = await bob.ok('GET', '/initialSync');
    const wishes = { name: 'Secret', room_alias_name: 'secret', topic: 'not this', invite: [bob.userId] };
    const room = await alice.createRoom({ ...wishes, initial_state: [{ type: 'org.hidden', content: {} }] });
    const streamed = await bob.eventUntil(end, (event) => event.room_id === room);
    const { invite } = (await bob.ok('GET', '/initialSync')).rooms[0];
    for (const { content, invite_room_state: shown } of [streamed, invite]) {
      assert.equal(content.membership, 'invite');
      const byType = Object.fromEntries(shown.map((event: Json) => [event.type, event]));
      assert.deepEqual(byType['m.room.name'], {
        type: 'm.room.name',
        state_key: '',
        content: { name: 'Secret' },
      });
      assert.equal(byType['m.room.join_rules'].content.join_rule, 'invite');
      assert.equal(byType['m.room.canonical_alias'].content.alias, '#secret:localhost');
      assert.equal(byType['org.hidden'], undefined);
    }
    await bob.fails(403, 'M_FORBIDDEN', 'GET', bob.room(room, '/state'));
  });

  onServers('state is set and read by type and key, without transaction IDs [A052]', async (server) => {
    const [alice] = await v1People(server, 'alice');
    const room = await alice.createRoom();
    const path = (rest: string) => alice.room(room, `/state/org.example.animal${rest}`);
    const first = await alice.ok('PUT', path(''), { animal: 'cat' });
    assert.match(first.event_id, /^\$/);
    assert.deepEqual(await alice.ok('GET', path('')), { animal: 'cat' });
    assert.deepEqual(await alice.ok('GET', path('/')), { animal: 'cat' });
    const key = encodeURIComponent(alice.userId);
    await alice.ok('PUT', path(`/${key}`), { animal: 'dog' });
    await alice.ok('PUT', path(''), { animal: 'cow' });
    assert.deepEqual(await alice.ok('GET', path('')), { animal: 'cow' });
    assert.deepEqual(await alice.ok('GET', path(`/${key}`)), { animal: 'dog' });
    const state = await contentsOf(alice, room);
    assert.deepEqual(state['org.example.animal'], { animal: 'cow' });
    assert.deepEqual(state[`org.example.animal ${alice.userId}`], { animal: 'dog' });
    await alice.fails(404, 'M_NOT_FOUND', 'GET', path('/nothing'));
    await alice.fails(405, 'M_UNRECOGNIZED', 'POST', path('/'), { animal: 'ant' });
    await alice.fails(405, 'M_UNRECOGNIZED', 'POST', path(''), { animal: 'ant' });
    await alice.fails(404, 'M_UNRECOGNIZED', 'PUT', path('/foo/11'), { animal: 'ant' });
  });

  onServers('messages of any type are sent with POST and with PUT [A053]', async (server) => {
    const [alice] = await v1People(server, 'alice');
    const room = await alice.createRoom();
    const path = alice.room(room, '/send/com.example.message');
    const posted = (await alice.ok('POST', path, { text: 'Hello world!' })).event_id;
    const put = (await alice.ok('PUT', `${path}/11`, { text: 'Goodbye world!' })).event_id;
    const { chunk } = await alice.messages(room, { from: 'END', dir: 'b', limit: 2 });
    assert.deepEqual(
      chunk.map((event: Json) => [event.event_id, event.type, event.content]),
      [
        [put, 'com.example.message', { text: 'Goodbye world!' }],
        [posted, 'com.example.message', { text: 'Hello world!' }],
      ],
    );
    const again = (await alice.ok('POST', path, { text: 'Hello world!' })).event_id;
    assert.notEqual(again, posted);
    await alice.fails(400, 'M_BAD_JSON', 'POST', path, []);
  });

  onServers('members and state are those of now, or of the time of leaving [A055]', async (server) => {
    const [alice, bob, carol] = await v1People(server, 'alice', 'bob', 'carol');
    const room = await alice.createRoom({ preset: 'public_chat', topic: 'then' });
    await bob.join(room);
    const members = async (person: V1Client): Promise<Json[]> =>
      (await person.ok('GET', person.room(room, '/members'))).chunk.map((event: Json) => [
        event.state_key,
        event.content.membership,
      ]);
    const both = [
      [alice.userId, 'join'],
      [bob.userId, 'join'],
    ];
    assert.deepEqual((await members(bob)).sort(), both);
    await bob.ok('POST', bob.room(room, '/leave'), {});
    await carol.join(room);
    await alice.setState(room, 'm.room.topic', { topic: 'now' });
    assert.deepEqual((await members(carol)).sort(), [
      [alice.userId, 'join'],
      [bob.userId, 'leave'],
      [carol.userId, 'join'],
    ]);
    assert.deepEqual((await members(bob)).sort(), [
      [alice.userId, 'join'],
      [bob.userId, 'leave'],
    ]);
    assert.equal((await contentsOf(bob, room))['m.room.topic'].topic, 'then');
    assert.equal((await contentsOf(carol, room))['m.room.topic'].topic, 'now');
    const topic = (person: V1Client) => person.ok('GET', person.room(room, '/state/m.room.topic'));
    assert.equal((await topic(bob)).topic, 'then');
    assert.equal((await topic(carol)).topic, 'now');
    const [dan] = await v1People(server, 'dan');
    for (const path of ['/members', '/state', '/state/m.room.topic']) {
      await dan.fails(403, 'M_FORBIDDEN', 'GET', dan.room(room, path));
    }
  });

  onServers('a room that everybody left is there for nobody [A056]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const room = await alice.createRoom({
      preset: 'public_chat',
      visibility: 'public',
      room_alias_name: 'gone',
    });
    await bob.join(room);
    for (const person of [alice, bob]) await person.ok('POST', person.room(room, '/leave'), {});
    for (const person of [alice, bob]) assert.deepEqual(await roomIds(person), []);
    const [carol] = await v1People(server, 'carol');
    await carol.fails(403, 'M_FORBIDDEN', 'GET', carol.room(room, '/messages?from=END&dir=b'));
    await carol.join(room);
    assert.deepEqual(await roomIds(carol), [room], 'it was not deleted, which a server was free to do');
  });
});
