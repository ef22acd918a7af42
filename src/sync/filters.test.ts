import assert from 'node:assert/strict';
import { bodies, type Json, type TestClient } from '../testing/client/test-client.ts';
import { onServers } from '../testing/server/test-server.ts';

function syncWith(client: TestClient, filter: object, more: Record<string, string> = {}): Promise<Json> {
  return client.sync({ filter: JSON.stringify(filter), ...more });
}

const idsOf = (events: Json[]): string[] => events.map((event) => event.event_id);
const typesOf = (events: Json[]): string[] => events.map((event) => event.type);

onServers('A filter is kept, given back, and used by its ID or as it is [B025]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  await alice.say(room, 'of alice');
  await bob.say(room, 'of bob');
  const filter = { room: { timeline: { senders: [bob.userId] } }, future_key: true };
  const path = `/v3/user/${alice.userId}/filter`;
  const { filter_id: id } = await alice.ok('POST', path, filter);
  assert.equal(id.startsWith('{'), false);
  assert.deepEqual(await alice.ok('GET', `${path}/${id}`), filter);
  const byId = await alice.sync({ filter: id });
  assert.deepEqual(bodies(byId.rooms.join[room].timeline.events), ['of bob']);
  const whole = await syncWith(alice, filter);
  assert.deepEqual(bodies(whole.rooms.join[room].timeline.events), ['of bob']);
  await alice.fails(404, 'M_NOT_FOUND', 'GET', `/v3/sync?filter=unknown`);
  await bob.fails(403, 'M_FORBIDDEN', 'GET', `${path}/${id}`);
  for (const wrong of [
    { event_format: 'xml' },
    { event_fields: 'x' },
    { room: [] },
    { presence: { types: [1] } },
    { room: { state: { lazy_load_members: 1 } } },
    { room: { rooms: ['#alias:x'] } },
  ]) {
    await alice.fails(400, 'M_BAD_JSON', 'POST', path, wrong);
  }
});

onServers('event_fields leaves out the rest, event_format gives what servers exchange [B025]', async (s) => {
  const alice = await s.person('alice');
  for (const version of ['1', '11', '12']) {
    const room = await alice.createRoom({ room_version: version });
    const eventId = await alice.say(room, 'hello', { 'key.with.dots': 1, other: 2 });
    const rooms = { rooms: [room], timeline: { types: ['m.room.message'] } };
    const fields = ['type', 'content.body', 'content.key\\.with\\.dots', 'unsigned.age'];
    const pruned = (await syncWith(alice, { room: rooms, event_fields: fields })).rooms.join[room];
    const [message] = pruned.timeline.events;
    assert.deepEqual(message.content, { body: 'hello', 'key.with.dots': 1 });
    assert.deepEqual(Object.keys(message).sort(), ['content', 'type', 'unsigned']);
    assert.ok(pruned.state.events.every((event: Json) => event.sender === undefined));
    const raw = (await syncWith(alice, { room: rooms, event_format: 'federation' })).rooms.join[room];
    const [pdu] = raw.timeline.events;
    assert.equal(pdu.event_id, eventId);
    assert.equal(pdu.room_id, room);
    assert.equal(pdu.content.body, 'hello');
    assert.ok(Array.isArray(pdu.auth_events) && Array.isArray(pdu.prev_events) && pdu.depth > 1);
    assert.equal(typeof pdu.hashes.sha256, 'string');
    assert.ok(pdu.signatures.localhost);
    const create = raw.state.events.find((event: Json) => event.type === 'm.room.create');
    assert.equal(create.room_id, version === '12' ? undefined : room);
    const both = await syncWith(alice, { room: rooms, event_format: 'federation', event_fields: ['depth'] });
    assert.deepEqual(Object.keys(both.rooms.join[room].timeline.events[0]), ['depth']);
  }
});

onServers('Presence, account data and what passes by in rooms are filtered [B025]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const eventId = await alice.say(room, 'x');
  await bob.ok('PUT', bob.room(room, `/typing/${bob.userId}`), { typing: true, timeout: 60_000 });
  await bob.ok('POST', bob.room(room, `/receipt/m.read/${eventId}`), {});
  await bob.ok('PUT', `/v3/presence/${bob.userId}/status`, { presence: 'online', status_msg: 'here' });
  for (const type of ['org.one', 'org.two']) {
    await alice.ok('PUT', `/v3/user/${alice.userId}/account_data/${type}`, { a: 1 });
    await alice.ok('PUT', `/v3/user/${alice.userId}/rooms/${room}/account_data/${type}`, { a: 1 });
  }
  const all = await syncWith(alice, {});
  assert.ok(typesOf(all.account_data.events).includes('org.two'));
  assert.ok(all.presence.events.some((event: Json) => event.sender === bob.userId));
  assert.deepEqual(typesOf(all.rooms.join[room].ephemeral.events).sort(), ['m.receipt', 'm.typing']);
  const some = await syncWith(alice, {
    presence: { not_senders: [bob.userId] },
    account_data: { types: ['org.o*'] },
    room: { ephemeral: { not_types: ['m.typing'] }, account_data: { not_types: ['org.one'] } },
  });
  assert.deepEqual(typesOf(some.account_data.events), ['org.one']);
  assert.ok(!(some.presence?.events ?? []).some((event: Json) => event.sender === bob.userId));
  const joined = some.rooms.join[room];
  assert.deepEqual(typesOf(joined.ephemeral.events), ['m.receipt']);
  assert.deepEqual(typesOf(joined.account_data.events), ['org.two']);
  const none = await syncWith(alice, { room: { not_rooms: [room] }, presence: { types: [] } });
  assert.equal(none.rooms, undefined);
  assert.equal(none.presence, undefined);
  assert.equal((await syncWith(alice, { room: { rooms: [] } })).rooms, undefined);
});

onServers(
  'A timeline holds what a filter lets through of a longer stretch, up to its limit [B025]',
  async (s) => {
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const { next_batch: since } = await alice.sync();
    for (let i = 0; i < 4; i++) await bob.say(room, `bob ${i}`, i === 0 ? { url: 'mxc://x/y' } : {});
    for (let i = 0; i < 15; i++) await alice.say(room, `alice ${i}`);
    const joined = async (timeline: object, more: Record<string, string> = {}) =>
      (await syncWith(alice, { room: { timeline } }, more)).rooms.join[room].timeline;
    const two = await joined({ senders: [bob.userId], types: ['m.room.message'], limit: 2 }, { since });
    assert.deepEqual(bodies(two.events), ['bob 2', 'bob 3']);
    assert.equal(two.limited, true);
    const from = two.prev_batch as string;
    const older = await alice.ok('GET', alice.room(room, `/messages?dir=b&limit=2&from=${from}`));
    assert.deepEqual(bodies(older.chunk), ['bob 1', 'bob 0']);
    const all = await joined({ senders: [bob.userId], types: ['m.room.message'] }, { since });
    assert.equal(all.events.length, 4);
    assert.equal(all.limited, false);
    assert.deepEqual(bodies((await joined({ contains_url: true })).events), ['bob 0']);
    await alice.setState(room, 'm.room.topic', { topic: 'left out of the timeline' });
    const besides = await syncWith(alice, { room: { timeline: { types: ['m.room.message'] } } }, { since });
    const state = besides.rooms.join[room].state.events;
    assert.deepEqual(typesOf(state), ['m.room.topic'], 'state that the timeline leaves out');
    assert.equal((await joined({ limit: 3 })).events.length, 3);
    assert.deepEqual((await joined({ limit: 0 })).events, []);
    const create = await syncWith(alice, { room: { state: { types: ['m.room.create'] } } });
    assert.deepEqual(typesOf(create.rooms.join[room].state.events), ['m.room.create']);
  },
);

onServers(
  'One who may not see how the room came to be gets its state all the same [B025 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const visibility = { type: 'm.room.history_visibility', content: { history_visibility: 'joined' } };
    const room = await alice.createRoom({
      preset: 'public_chat',
      name: 'hidden',
      initial_state: [visibility],
    });
    await bob.join(room);
    const joined = (await bob.sync()).rooms.join[room];
    const state = typesOf([...joined.state.events, ...joined.timeline.events]);
    for (const type of ['m.room.create', 'm.room.name', 'm.room.join_rules'])
      assert.ok(state.includes(type), type);
  },
);

onServers('Members are loaded when they speak, again only where a filter asks [B025]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const carol = await s.person('carol');
  const room = await alice.createRoom({ preset: 'public_chat', name: 'named' });
  await bob.join(room);
  await carol.join(room);
  for (let i = 0; i < 3; i++) await bob.say(room, `bob ${i}`);
  const lazy = (more: object) => ({
    room: { timeline: { limit: 2 }, state: { lazy_load_members: true, ...more } },
  });
  const members = (body: Json): string[] =>
    body.rooms.join[room].state.events
      .filter((event: Json) => event.type === 'm.room.member')
      .map((event: Json) => event.state_key)
      .sort();
  const first = await syncWith(alice, lazy({}));
  assert.deepEqual(members(first), [alice.userId, bob.userId]);
  await bob.say(room, 'again');
  const second = await syncWith(alice, lazy({}), { since: first.next_batch });
  assert.deepEqual(members(second), []);
  const redundant = lazy({ include_redundant_members: true });
  assert.deepEqual(members(await syncWith(alice, redundant, { since: first.next_batch })), [bob.userId]);
  const filter = encodeURIComponent(JSON.stringify({ lazy_load_members: true }));
  const page = await alice.ok('GET', alice.room(room, `/messages?dir=b&limit=1&filter=${filter}`));
  assert.deepEqual(
    page.state.map((event: Json) => event.state_key),
    [bob.userId],
  );
});

onServers('Filters know what relates to events, and count threads apart [B025]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const { next_batch: since } = await alice.sync();
  const root = await alice.say(room, 'root');
  const liked = await alice.say(room, 'liked');
  await bob.say(room, 'reply', { 'm.relates_to': { rel_type: 'm.thread', event_id: root } });
  await alice.send(room, 'm.reaction', {
    'm.relates_to': { rel_type: 'm.annotation', event_id: liked, key: 'x' },
  });
  const timeline = async (filter: object) => {
    const body = await syncWith(alice, { room: { timeline: filter } }, { since });
    return idsOf(body.rooms?.join[room].timeline.events ?? []);
  };
  const messages = async (filter: object) => {
    const text = encodeURIComponent(JSON.stringify(filter));
    return idsOf((await alice.ok('GET', alice.room(room, `/messages?dir=b&filter=${text}`))).chunk);
  };
  for (const find of [timeline, messages]) {
    assert.deepEqual(await find({ related_by_rel_types: ['m.thread'] }), [root]);
    assert.deepEqual(await find({ related_by_senders: [alice.userId] }), [liked]);
    const both = { related_by_senders: [alice.userId], related_by_rel_types: ['m.thread'] };
    assert.deepEqual(await find(both), []);
  }
  const counts = (body: Json) => body.rooms.join[room].unread_thread_notifications;
  assert.equal(counts(await syncWith(alice, {})), undefined);
  const apart = await syncWith(alice, { room: { timeline: { unread_thread_notifications: true } } });
  assert.deepEqual(Object.keys(counts(apart)), [root]);
});
