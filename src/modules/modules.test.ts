import assert from 'node:assert/strict';
import { type Json } from '../testing/client/test-client.ts';
import { onServers } from '../testing/server/test-server.ts';

const joined = (body: Json, room: string): Json => body.rooms?.join?.[room] as Json;
const ephemeral = (body: Json, room: string, type: string): Json =>
  joined(body, room)?.ephemeral?.events?.find((event: Json) => event.type === type) as Json;

onServers('account data is kept and synced, of the account and of rooms [B040]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom();
  const path = `/v3/user/${alice.userId}/account_data/org.example`;
  await alice.fails(404, 'M_NOT_FOUND', 'GET', path);
  const { next_batch: since } = await alice.sync();
  await alice.ok('PUT', path, { a: 1 });
  await alice.ok('PUT', `/v3/user/${alice.userId}/rooms/${room}/account_data/org.example`, { b: 2 });
  assert.deepEqual(await alice.ok('GET', path), { a: 1 });
  const inRoom = `/v3/user/${alice.userId}/rooms/${room}/account_data/org.example`;
  assert.deepEqual(await alice.ok('GET', inRoom), { b: 2 });
  await bob.fails(403, 'M_FORBIDDEN', 'GET', inRoom);
  const body = await alice.sync({ since });
  assert.deepEqual(body.account_data?.events, [{ type: 'org.example', content: { a: 1 } }]);
  assert.deepEqual(joined(body, room).account_data?.events, [{ type: 'org.example', content: { b: 2 } }]);
  const again = await alice.sync({ since: body.next_batch });
  assert.equal(again.account_data, undefined);
  await bob.fails(403, 'M_FORBIDDEN', 'GET', path);
  await alice.fails(405, 'M_BAD_JSON', 'PUT', `/v3/user/${alice.userId}/account_data/m.push_rules`, {});
  await alice.fails(400, 'M_BAD_JSON', 'PUT', path, [1]);
});

onServers('rooms are tagged [B078]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  const path = `/v3/user/${alice.userId}/rooms/${room}/tags`;
  await alice.ok('PUT', `${path}/u.work`, { order: 0.5 });
  await alice.ok('PUT', `${path}/m.favourite`, {});
  assert.deepEqual(await alice.ok('GET', path), { tags: { 'u.work': { order: 0.5 }, 'm.favourite': {} } });
  await alice.ok('DELETE', `${path}/u.work`);
  const data = joined(await alice.sync(), room).account_data?.events;
  assert.deepEqual(data, [{ type: 'm.tag', content: { tags: { 'm.favourite': {} } } }]);
  await alice.fails(400, 'M_BAD_JSON', 'PUT', `${path}/u.x`, { order: 2 });
});

onServers(
  'receipts reach others, private ones do not, and none goes back [B063] [B062]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const [first, second] = [await alice.say(room, 'one'), await alice.say(room, 'two')];
    const { next_batch: since } = await alice.sync();
    const receipt = (type: string, event: string, body: object = {}) =>
      bob.ok('POST', bob.room(room, `/receipt/${type}/${event}`), body);
    await receipt('m.read', second);
    await receipt('m.read', first);
    await receipt('m.read.private', second);
    const seen = ephemeral(await alice.sync({ since }), room, 'm.receipt');
    assert.deepEqual(Object.keys(seen.content), [second]);
    assert.deepEqual(Object.keys(seen.content[second] as object), ['m.read']);
    assert.ok(seen.content[second]?.['m.read']?.[bob.userId]?.ts);
    const own = ephemeral(await bob.sync(), room, 'm.receipt');
    assert.deepEqual(Object.keys(own.content[second] as object).sort(), ['m.read', 'm.read.private']);
    await bob.ok('POST', bob.room(room, '/read_markers'), { 'm.fully_read': second, 'm.read': second });
    await bob.ok('POST', bob.room(room, '/read_markers'), { 'm.fully_read': first });
    const data = joined(await bob.sync(), room).account_data?.events;
    assert.deepEqual(data, [{ type: 'm.fully_read', content: { event_id: second } }]);
    const bad = (type: string, event: string, body: object = {}) =>
      ['POST', bob.room(room, `/receipt/${type}/${event}`), body] as const;
    await bob.fails(400, 'M_INVALID_PARAM', ...bad('m.seen', first));
    await bob.fails(404, 'M_NOT_FOUND', ...bad('m.read', '$none'));
    await bob.fails(400, 'M_INVALID_PARAM', ...bad('m.read', first, { thread_id: 'x' }));
    await bob.fails(400, 'M_BAD_JSON', ...bad('m.read', first, { thread_id: 5 }));
  },
);

onServers('typing is shown while it lasts [B082]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const { next_batch: since } = await alice.sync();
  const typing = (body: object) => bob.ok('PUT', bob.room(room, `/typing/${bob.userId}`), body);
  await typing({ typing: true, timeout: 60_000 });
  const first = await alice.sync({ since });
  assert.deepEqual(ephemeral(first, room, 'm.typing').content, { user_ids: [bob.userId] });
  await typing({ typing: true, timeout: 60_000 });
  assert.equal((await alice.sync({ since: first.next_batch })).rooms, undefined, 'who types on is no news');
  await typing({ typing: false });
  const second = await alice.sync({ since: first.next_batch });
  assert.deepEqual(ephemeral(second, room, 'm.typing').content, { user_ids: [] });
  await typing({ typing: true, timeout: 50 });
  const third = await alice.syncUntil(second.next_batch, (body) => {
    const users = ephemeral(body, room, 'm.typing')?.content?.user_ids;
    return users !== undefined && users.length === 0;
  });
  assert.ok(third);
  await alice.fails(403, 'M_FORBIDDEN', 'PUT', alice.room(room, `/typing/${bob.userId}`), { typing: true });
  const eve = await person('eve');
  await eve.fails(403, 'M_FORBIDDEN', 'PUT', eve.room(room, `/typing/${eve.userId}`), { typing: true });
});

onServers('presence goes to those who share a room [B060]', async ({ person }) => {
  const [alice, bob, eve] = await Promise.all(['alice', 'bob', 'eve'].map(person));
  assert.ok(alice && bob && eve);
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const { next_batch: since, presence: own } = await alice.sync();
  const ownState = own?.events.find((event: Json) => event.sender === alice.userId)?.content;
  assert.equal(ownState?.presence, 'online', 'the first sync tells of itself');
  assert.equal((await alice.sync({ since })).presence, undefined, 'and the second has nothing left of it');
  const path = `/v3/presence/${bob.userId}/status`;
  await bob.ok('PUT', path, { presence: 'unavailable', status_msg: 'lunch' });
  const events = (await alice.sync({ since })).presence?.events ?? [];
  const seen = events.find((event: Json) => event.sender === bob.userId);
  assert.deepEqual([seen?.content?.presence, seen?.content?.status_msg], ['unavailable', 'lunch']);
  assert.equal((await alice.ok('GET', path)).presence, 'unavailable');
  await eve.fails(403, 'M_FORBIDDEN', 'GET', path);
  await alice.fails(403, 'M_FORBIDDEN', 'PUT', path, { presence: 'online' });
  await bob.fails(400, 'M_BAD_JSON', 'PUT', path, { presence: 'away' });
});

onServers('push rules are read and changed [B061 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const { global } = await alice.ok('GET', '/v3/pushrules/');
  assert.equal(global.override[0]?.rule_id, '.m.rule.master');
  assert.deepEqual(await alice.ok('GET', '/v3/pushrules/global/'), global);
  const { next_batch: since } = await alice.sync();
  const rule = '/v3/pushrules/global/content/cake';
  await alice.fails(404, 'M_NOT_FOUND', 'GET', rule);
  await alice.ok('PUT', rule, { pattern: 'cake', actions: ['notify', { set_tweak: 'highlight' }] });
  const changed = (await alice.sync({ since })).account_data?.events?.find(
    (event: Json) => event.type === 'm.push_rules',
  );
  assert.equal(changed?.content?.global?.content[0]?.rule_id, 'cake');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  await bob.say(room, 'there is cake');
  const counts = async () => joined(await alice.sync(), room).unread_notifications;
  assert.deepEqual(await counts(), { notification_count: 1, highlight_count: 1 });
  await alice.ok('PUT', `${rule}/enabled`, { enabled: false });
  assert.deepEqual(await alice.ok('GET', `${rule}/enabled`), { enabled: false });
  await alice.ok('PUT', `${rule}/actions`, { actions: ['notify'] });
  assert.deepEqual(await alice.ok('GET', `${rule}/actions`), { actions: ['notify'] });
  await alice.ok('DELETE', rule);
  await alice.fails(404, 'M_NOT_FOUND', 'GET', rule);
  await alice.fails(400, 'M_INVALID_PARAM', 'PUT', '/v3/pushrules/global/room/.dot', { actions: [] });
  await alice.fails(404, 'M_NOT_FOUND', 'GET', '/v3/pushrules/global/afterwards/.m.rule.master');
  await alice.fails(400, 'M_INVALID_PARAM', 'PUT', '/v3/pushrules/global/afterwards/x', { actions: [] });
});

onServers('what is set at the same time is all kept [B078] [B061 partial]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  const names = Array.from({ length: 10 }, (_, i) => `u.t${i}`);
  const tags = `/v3/user/${alice.userId}/rooms/${room}/tags`;
  await Promise.all(names.map((name) => alice.ok('PUT', `${tags}/${name}`, {})));
  assert.deepEqual(Object.keys((await alice.ok('GET', tags)).tags).sort(), names);
  const rule = (name: string) => `/v3/pushrules/global/content/${name}`;
  await Promise.all(names.map((name) => alice.ok('PUT', rule(name), { pattern: name, actions: ['notify'] })));
  for (const name of names) await alice.ok('GET', rule(name));
});

onServers('a receipt in one thread leaves the others as they are [B063]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const root = await alice.say(room, 'root');
  const inThread = { 'm.relates_to': { rel_type: 'm.thread', event_id: root } };
  const ids: string[] = [];
  for (let i = 0; i < 4; i++) ids.push(await alice.say(room, `main ${i}`));
  for (let i = 0; i < 3; i++) await alice.say(room, `thread ${i}`, inThread);
  const filter = JSON.stringify({ room: { timeline: { unread_thread_notifications: true, limit: 1 } } });
  const counts = async () => {
    const { unread_notifications: main, unread_thread_notifications: threads } = joined(
      await bob.sync({ filter }),
      room,
    );
    return [main.notification_count, threads?.[root]?.notification_count];
  };
  assert.deepEqual(await counts(), [5, 3]);
  await bob.ok('POST', bob.room(room, `/receipt/m.read/${ids[1] ?? ''}`), { thread_id: 'main' });
  assert.deepEqual(await counts(), [2, 3]);
  await bob.ok('POST', bob.room(room, `/receipt/m.read/${ids[3] ?? ''}`), { thread_id: 'main' });
  assert.deepEqual(await counts(), [0, 3]);
  await bob.ok('PUT', `/v3/user/${bob.userId}/account_data/m.ignored_user_list`, {
    ignored_users: { [alice.userId]: {} },
  });
  await alice.say(room, 'nobody hears this');
  assert.deepEqual(await counts(), [0, undefined]);
});

onServers('one field of a profile is read, whoever asks [B037 partial]', async ({ person, anonymous }) => {
  const alice = await person('alice');
  const path = `/v3/profile/${alice.userId}`;
  assert.deepEqual(await anonymous().ok('GET', `${path}/displayname`), { displayname: 'alice' });
  await alice.ok('PUT', `${path}/org.example.colour`, { 'org.example.colour': 'green' });
  const colour = await anonymous().ok('GET', `${path}/org.example.colour`);
  assert.deepEqual(colour, { 'org.example.colour': 'green' });
  await alice.ok('DELETE', `${path}/org.example.colour`);
  await anonymous().fails(404, 'M_NOT_FOUND', 'GET', `${path}/org.example.colour`);
});

onServers('profiles have no fields that nobody set [B037 partial]', async ({ person, anonymous }) => {
  const alice = await person('alice');
  for (const key of ['constructor', 'toString', '__proto__']) {
    await anonymous().fails(404, 'M_NOT_FOUND', 'GET', `/v3/profile/${alice.userId}/${key}`);
  }
  await alice.fails(400, 'M_INVALID_PARAM', 'PUT', `/v3/profile/${alice.userId}/Not%20Allowed!`, {
    'Not Allowed!': 1,
  });
});
