import assert from 'node:assert/strict';
import { test } from 'node:test';
import { onFederation } from '../../testing/federation/federation.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';
import { onServers, type TestServer } from '../../testing/server/test-server.ts';
import { TestClient, type Json } from '../../testing/client/test-client.ts';
import { UnreadTally } from './unread-tally.ts';

const BY_THREAD = JSON.stringify({
  room: { timeline: { unread_thread_notifications: true, limit: 1 } },
});

/** What a full sync says of a room: [notifications, highlights], and the same by thread. */
async function counts(client: TestClient, room: string): Promise<Json> {
  const { unread_notifications: all, unread_thread_notifications: threads } = (
    await client.sync({ filter: BY_THREAD })
  ).rooms.join[room];
  const pair = (one: Json) => [one.notification_count, one.highlight_count];
  const byThread = Object.entries(threads ?? {}).map(([id, one]) => [id, ...pair(one)]);
  return byThread.length === 0 ? pair(all) : [...pair(all), ...byThread];
}

function read(client: TestClient, room: string, eventId: string, type = 'm.read', body: object = {}) {
  return client.ok('POST', client.room(room, `/receipt/${type}/${eventId}`), body);
}

async function twoInARoom({ person }: TestServer): Promise<[TestClient, TestClient, string]> {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  return [alice, bob, room];
}

async function sayMany(client: TestClient, room: string, count: number): Promise<string[]> {
  const ids: string[] = [];
  for (let i = 0; i < count; i++) ids.push(await client.say(room, `message ${i}`));
  return ids;
}

onServers('what came before many changes of name stays unread [B061 partial]', async (server) => {
  const [alice, bob, room] = await twoInARoom(server);
  await alice.say(room, 'unread');
  for (let i = 0; i < 55; i++)
    await bob.ok('PUT', `/v3/profile/${bob.userId}/displayname`, { displayname: `bob ${i}` });
  assert.deepEqual(await counts(bob, room), [1, 0]);
});

onServers('receipts of every kind lower the counts, read markers do not [B061 partial]', async (server) => {
  const [alice, bob, room] = await twoInARoom(server);
  const [first = '', second = '', third = '', fourth = ''] = await sayMany(alice, room, 5);
  assert.deepEqual(await counts(bob, room), [5, 0]);
  await read(bob, room, first);
  assert.deepEqual(await counts(bob, room), [4, 0]);
  await read(bob, room, third, 'm.read.private');
  assert.deepEqual(await counts(bob, room), [2, 0]);
  await read(bob, room, second);
  assert.deepEqual(await counts(bob, room), [2, 0]);
  await bob.ok('POST', bob.room(room, '/read_markers'), { 'm.fully_read': fourth });
  assert.deepEqual(await counts(bob, room), [2, 0]);
  await bob.ok('POST', bob.room(room, '/read_markers'), { 'm.read': fourth });
  assert.deepEqual(await counts(bob, room), [1, 0]);
  await bob.say(room, 'whoever writes has read');
  assert.deepEqual(await counts(bob, room), [0, 0]);
});

onServers('threads are counted apart, with what relates to their events [B061 partial]', async (server) => {
  const [alice, bob, room] = await twoInARoom(server);
  const root = await alice.say(room, 'root');
  const inThread = { 'm.relates_to': { rel_type: 'm.thread', event_id: root } };
  const mention = { 'm.mentions': { user_ids: [bob.userId] } };
  const reply = await alice.say(room, 'one', inThread);
  await alice.say(room, 'two', { ...inThread, ...mention });
  const about = (eventId: string) => ({ 'm.relates_to': { rel_type: 'm.reference', event_id: eventId } });
  const reference = await alice.say(room, 'about a reply', about(reply));
  await alice.say(room, 'about that', about(reference));
  await alice.say(room, 'about the root', about(root));
  assert.deepEqual(await counts(bob, room), [2, 0, [root, 4, 1]]);
  await read(bob, room, reply, 'm.read', { thread_id: root });
  assert.deepEqual(await counts(bob, room), [2, 0, [root, 3, 1]]);
  await read(bob, room, reference, 'm.read', { thread_id: root });
  assert.deepEqual(await counts(bob, room), [2, 0, [root, 1, 0]]);
  const all = (await bob.sync()).rooms.join[room];
  assert.equal(all.unread_notifications.notification_count, 3);
  assert.equal(all.unread_thread_notifications, undefined);
});

onServers('what is redacted counts no longer, and edits do not count [B061 partial]', async (server) => {
  const [alice, bob, room] = await twoInARoom(server);
  const [first = '', second = ''] = await sayMany(alice, room, 3);
  const loud = await alice.say(room, 'bob!', { 'm.mentions': { user_ids: [bob.userId] } });
  assert.deepEqual(await counts(bob, room), [4, 1]);
  await alice.say(room, '* edited', {
    'm.new_content': { msgtype: 'm.text', body: 'edited' },
    'm.relates_to': { rel_type: 'm.replace', event_id: first },
  });
  assert.deepEqual(await counts(bob, room), [4, 1]);
  const redact = (id: string) =>
    alice.ok('PUT', alice.room(room, `/redact/${id}/redact-${id.slice(1, 9)}`), {});
  await redact(loud);
  assert.deepEqual(await counts(bob, room), [3, 0]);
  await read(bob, room, first);
  await redact(first);
  assert.deepEqual(await counts(bob, room), [2, 0]);
  await redact(second);
  assert.deepEqual(await counts(bob, room), [1, 0]);
  await server.restart();
  assert.deepEqual(await counts(asAt(bob, server), room), [1, 0]);
});

onFederation(
  'what is redacted counts no longer, also where the redaction names another event, too',
  async (federation) => {
    const { alice, roomId, room } = await roomWithGuest(federation, { room_version: '11' });
    const [meant, other] = [room.say('meant'), room.say('other')];
    await room.send(meant, other);
    assert.deepEqual(await counts(alice, roomId), [2, 0]);
    const [redacts, above] = [meant.eventId, other.eventId];
    await room.send(room.next({ type: 'm.room.redaction', content: { redacts }, more: { redacts: above } }));
    assert.deepEqual(await counts(alice, roomId), [1, 0]);
  },
  { servers: 1 },
);

onServers('events stay as the rules of their time judge them [B061 partial]', async (server) => {
  const [alice, bob, room] = await twoInARoom(server);
  await sayMany(alice, room, 2);
  const rule = `/v3/pushrules/global/room/${encodeURIComponent(room)}`;
  await bob.ok('PUT', rule, { actions: [] });
  await sayMany(alice, room, 3);
  assert.deepEqual(await counts(bob, room), [2, 0]);
  await bob.ok('DELETE', rule);
  await sayMany(alice, room, 1);
  assert.deepEqual(await counts(bob, room), [3, 0]);
  await server.restart();
  assert.deepEqual(await counts(asAt(bob, server), room), [3, 0]);
});

onServers(
  'what ignored users wrote does not count, also what they wrote before [B061 partial]',
  async (server) => {
    const [alice, bob, room] = await twoInARoom(server);
    const carol = await server.person('carol');
    await carol.join(room);
    await sayMany(alice, room, 2);
    await sayMany(carol, room, 3);
    assert.deepEqual(await counts(bob, room), [5, 0]);
    const list = `/v3/user/${bob.userId}/account_data/m.ignored_user_list`;
    await bob.ok('PUT', list, { ignored_users: { [carol.userId]: {} } });
    assert.deepEqual(await counts(bob, room), [2, 0]);
    await sayMany(carol, room, 1);
    assert.deepEqual(await counts(bob, room), [2, 0]);
  },
);

onServers('a new name is no joining, and joining again begins anew [B061 partial]', async (server) => {
  const [alice, bob, room] = await twoInARoom(server);
  await sayMany(alice, room, 2);
  await bob.ok('PUT', `/v3/profile/${bob.userId}/displayname`, { displayname: 'Bobby' });
  await server.restart();
  const [alice2, bob2] = [asAt(alice, server), asAt(bob, server)];
  assert.deepEqual(await counts(bob2, room), [2, 0]);
  await bob2.ok('POST', bob2.room(room, '/leave'), {});
  await sayMany(alice2, room, 2);
  await bob2.join(room);
  assert.deepEqual(await counts(bob2, room), [0, 0]);
  await sayMany(alice2, room, 1);
  assert.deepEqual(await counts(bob2, room), [1, 0]);
});

onServers('rules look at names and at who may notify the room [B061 partial]', async (server) => {
  const [alice, bob, room] = await twoInARoom(server);
  const carol = await server.person('carol');
  await carol.join(room);
  const highlight = { actions: ['notify', { set_tweak: 'highlight' }] };
  const rule = (name: string) => `/v3/pushrules/global/override/${name}`;
  await bob.ok('PUT', rule('named'), { ...highlight, conditions: [{ kind: 'contains_display_name' }] });
  await alice.say(room, 'bob, look');
  await alice.say(room, 'bobby, look');
  assert.deepEqual(await counts(bob, room), [2, 1]);
  const conditions = [{ kind: 'sender_notification_permission', key: 'room' }];
  await bob.ok('PUT', rule('mighty'), { ...highlight, conditions });
  await alice.say(room, 'from one who may');
  await carol.say(room, 'from one who may not');
  assert.deepEqual(await counts(bob, room), [4, 2]);
});

onServers(
  'long unread rooms are counted to the end, through receipts and restarts [B061 partial]',
  async (server) => {
    const [alice, bob, room] = await twoInARoom(server);
    for (let i = 0; i < 12; i++) {
      await Promise.all(Array.from({ length: 50 }, (_, n) => alice.say(room, `${i} ${n}`)));
    }
    assert.deepEqual(await counts(bob, room), [600, 0]);
    await server.restart();
    const bob2 = asAt(bob, server);
    assert.deepEqual(await counts(bob2, room), [600, 0]);
    let page = await bob2.ok('GET', bob2.room(room, '/messages?dir=b&limit=100'));
    for (let i = 0; i < 2; i++) {
      page = await bob2.ok('GET', bob2.room(room, `/messages?dir=b&limit=100&from=${page.end}`));
    }
    await read(bob2, room, page.chunk.at(-1).event_id);
    assert.deepEqual(await counts(bob2, room), [299, 0]);
    await server.restart();
    assert.deepEqual(await counts(asAt(bob, server), room), [299, 0]);
  },
);

onServers('every process counts the same [B061 partial]', async (server) => {
  const [alice, bob, room] = await twoInARoom(server);
  const second = await server.another();
  const elsewhere = new TestClient(second.url, bob.token);
  const there = async () => {
    // Waits until the other process knows what this one does.
    await elsewhere.sync({ since: (await bob.sync()).next_batch, timeout: 0 });
    return counts(elsewhere, room);
  };
  const [first = '', middle = ''] = await sayMany(alice, room, 4);
  assert.deepEqual(await there(), [4, 0]);
  await alice.ok('PUT', alice.room(room, `/redact/${middle}/r`), {});
  assert.deepEqual(await there(), [3, 0]);
  await read(bob, room, first);
  assert.deepEqual(await there(), [2, 0]);
  await bob.ok('PUT', `/v3/pushrules/global/room/${encodeURIComponent(room)}`, { actions: [] });
  await alice.say(room, 'nobody hears this');
  assert.deepEqual(await there(), [2, 0]);
  assert.deepEqual(await counts(bob, room), [2, 0]);
});

test('what a tally left out is not counted, and what it counted before still is', () => {
  const none = { unthreaded: 0, threads: new Map<string, number>() };
  const judged = (position: number) => {
    return { position, thread: 'main', notify: true, highlight: false, isOwn: false };
  };
  const tally = UnreadTally.startingAt(0, '');
  for (let position = 1; position <= 300; position++) tally.add(judged(position));
  tally.leaveOutUpTo(5_000);
  tally.add(judged(5_001));
  const total = () => tally.counts().get('main')?.notify;
  assert.equal(total(), 301);
  tally.invalidate(4_000);
  assert.deepEqual(tally.apply(none), []);
  assert.deepEqual(tally.apply({ ...none, unthreaded: 260 }), [{ after: 250, upTo: 300 }]);
  const kept = UnreadTally.parse(tally.toText());
  assert.equal(kept?.upTo, 5_001);
});

test('a tally costs the same however much is unread', () => {
  const none = { unthreaded: 0, threads: new Map<string, number>() };
  const judged = (position: number, thread = 'main') => {
    return { position, thread, notify: true, highlight: false, isOwn: false };
  };
  const tally = UnreadTally.startingAt(0, '');
  for (let position = 1; position <= 30_000; position++) tally.add(judged(position));
  assert.deepEqual(tally.counts(), new Map([['main', { notify: 20_000, highlight: 0 }]]));
  assert.ok(tally.size < 200);
  assert.deepEqual(tally.apply({ ...none, unthreaded: 29_900 }), [{ after: 29_750, upTo: 30_000 }]);
  const again = Array.from({ length: 250 }, (_, i) => judged(29_751 + i));
  tally.recount({ after: 29_750, upTo: 30_000 }, again, { ...none, unthreaded: 29_900 });
  assert.deepEqual(tally.counts(), new Map([['main', { notify: 100, highlight: 0 }]]));
  assert.deepEqual(tally.apply({ ...none, unthreaded: 29_900 }), []);
});

function asAt(client: TestClient, { anonymous }: TestServer): TestClient {
  return Object.assign(anonymous(), { token: client.token, userId: client.userId });
}
