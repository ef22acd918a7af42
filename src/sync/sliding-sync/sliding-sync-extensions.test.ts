import assert from 'node:assert/strict';
import { onServers } from '../../testing/server/test-server.ts';
import type { Json, TestClient } from '../../testing/client/test-client.ts';
import { allRooms, SlidingConnection } from './testing/sliding-connection.ts';

async function sendToDevice(from: TestClient, to: TestClient, body: string): Promise<void> {
  const messages = { [to.userId]: { [to.deviceId]: { body } } };
  await from.ok('PUT', `/v3/sendToDevice/org.example.note/${body}`, { messages });
}

function contents(extension: Json): string[] {
  return (extension.events as Json[]).map((event) => event.content.body as string);
}

onServers(
  'to-device messages come once their place is named, and stay until then [B138 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const sliding = new SlidingConnection(bob, 'encryption');
    const wishes = (since?: string, limit?: number) => ({
      extensions: {
        to_device: { enabled: true, ...(since === undefined ? {} : { since }), ...(limit ? { limit } : {}) },
      },
    });
    const first = await sliding.next(wishes());
    assert.deepEqual(first.extensions.to_device.events, []);
    await sendToDevice(alice, bob, 'one');
    const since = first.extensions.to_device.next_batch as string;
    const lost = await sliding.ask(wishes(since));
    assert.deepEqual(contents(lost.extensions.to_device), ['one']);
    await sendToDevice(alice, bob, 'two');
    await sendToDevice(alice, bob, 'three');
    const some = await sliding.next(wishes(since, 2));
    assert.deepEqual(contents(some.extensions.to_device), ['one', 'two']);
    const rest = await sliding.next(wishes(some.extensions.to_device.next_batch), 5_000);
    assert.deepEqual(contents(rest.extensions.to_device), ['three']);
    const last = rest.extensions.to_device.next_batch as string;
    assert.deepEqual(contents((await sliding.next(wishes(last))).extensions.to_device), []);
    sliding.pos = undefined;
    assert.deepEqual(contents((await sliding.next(wishes())).extensions.to_device), []);
    const waiting = sliding.next(wishes(last), 30_000);
    await sendToDevice(alice, bob, 'four');
    assert.deepEqual(contents((await waiting).extensions.to_device), ['four']);
    await sliding.fails(400, 'M_INVALID_PARAM', wishes('soon'));
    assert.equal((await new SlidingConnection(bob).next({})).extensions.to_device, undefined);
  },
);

onServers('keys and device lists are told of [B138 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const sliding = new SlidingConnection(bob, 'encryption');
  const wishes = { extensions: { e2ee: { enabled: true } } };
  const first = (await sliding.next(wishes)).extensions.e2ee;
  assert.deepEqual(first.device_one_time_keys_count, { signed_curve25519: 0 });
  assert.deepEqual([first.device_unused_fallback_key_types, first.device_lists], [[], undefined]);
  const keys = {
    user_id: alice.userId,
    device_id: alice.deviceId,
    algorithms: [],
    keys: { [`ed25519:${alice.deviceId}`]: 'key' },
    signatures: {},
  };
  await alice.ok('POST', '/v3/keys/upload', { device_keys: keys });
  const { e2ee } = (await sliding.next(wishes, 5_000)).extensions;
  assert.deepEqual(e2ee.device_lists, { changed: [alice.userId], left: [] });
  await bob.ok('POST', '/v3/keys/upload', {
    one_time_keys: { 'signed_curve25519:a': { key: 'k', signatures: {} } },
    fallback_keys: { 'signed_curve25519:f': { key: 'k', fallback: true, signatures: {} } },
  });
  const own = (await sliding.next(wishes)).extensions.e2ee;
  assert.deepEqual(own.device_one_time_keys_count, { signed_curve25519: 1 });
  assert.deepEqual(own.device_unused_fallback_key_types, ['signed_curve25519']);
  const claimed = sliding.next(wishes, 30_000);
  const wanted = { [bob.userId]: { [bob.deviceId]: 'signed_curve25519' } };
  await alice.ok('POST', '/v3/keys/claim', { one_time_keys: wanted });
  assert.deepEqual((await claimed).extensions.e2ee.device_one_time_keys_count, { signed_curve25519: 0 });
  await bob.ok('POST', bob.room(room, '/leave'), {});
  assert.deepEqual((await sliding.next(wishes)).extensions.e2ee.device_lists, {
    changed: [],
    left: [alice.userId],
  });
  await bob.join(room);
  const { changed } = (await sliding.next(wishes)).extensions.e2ee.device_lists;
  assert.ok((changed as string[]).includes(alice.userId));
});

onServers('account data is told of, of rooms as they come into view [B138 partial]', async ({ person }) => {
  const alice = await person('alice');
  const [first, second] = [await alice.createRoom(), await alice.createRoom()];
  const mine = `/v3/user/${encodeURIComponent(alice.userId)}`;
  const put = (room: string, n: number) =>
    alice.ok('PUT', `${mine}/rooms/${encodeURIComponent(room)}/account_data/org.example`, { n });
  await alice.ok('PUT', `${mine}/account_data/org.example`, { n: 0 });
  await put(first, 1);
  await put(second, 2);
  const data = { account_data: { enabled: true } };
  const small = { ...allRooms(0, [], { ranges: [[0, 0]] }), extensions: data };
  const sliding = new SlidingConnection(alice);
  const initial = (await sliding.next(small)).extensions.account_data;
  const types = (initial.global as Json[]).map((event) => event.type).sort();
  assert.deepEqual(types, ['m.push_rules', 'org.example']);
  assert.deepEqual(Object.keys(initial.rooms), [second]);
  assert.deepEqual(initial.rooms[second], [{ type: 'org.example', content: { n: 2 } }]);
  assert.deepEqual((await sliding.next(small)).extensions, {});
  await put(first, 3);
  await put(second, 4);
  await alice.ok('PUT', `${mine}/account_data/org.other`, {});
  const news = (await sliding.next(small, 5_000)).extensions.account_data;
  assert.deepEqual(
    (news.global as Json[]).map((event) => event.type),
    ['org.other'],
  );
  assert.deepEqual(news.rooms, { [second]: [{ type: 'org.example', content: { n: 4 } }] });
  const whole = { ...allRooms(0), extensions: data };
  const grown = (await sliding.next(whole)).extensions.account_data;
  assert.deepEqual(grown.rooms, { [first]: [{ type: 'org.example', content: { n: 3 } }] });
  await sliding.next(small);
  await alice.ok('PUT', `${mine}/rooms/${encodeURIComponent(first)}/tags/m.favourite`, {});
  await alice.say(second, 'to the top');
  assert.deepEqual((await sliding.next(small)).extensions, {});
  const back = (await sliding.next(whole)).extensions.account_data;
  assert.deepEqual(back.rooms[first], [{ type: 'm.tag', content: { tags: { 'm.favourite': {} } } }]);
});

onServers(
  'receipts are told of: one’s own, those at what is shown, then all new ones [B138 partial]',
  async ({ person }) => {
    const [alice, bob, carol] = [await person('alice'), await person('bob'), await person('carol')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    for (const one of [bob, carol]) await one.join(room);
    const old = await alice.say(room, 'old');
    await alice.say(room, 'middle');
    const newest = await alice.say(room, 'newest');
    const read = (who: TestClient, event: string, type = 'm.read') =>
      who.ok('POST', who.room(room, `/receipt/${type}/${event}`), {});
    await read(bob, old);
    await read(carol, old);
    const receipts = { receipts: { enabled: true, rooms: ['*'] } };
    const sliding = new SlidingConnection(bob);
    const first = (await sliding.next({ ...allRooms(1), extensions: receipts })).extensions.receipts;
    assert.deepEqual(Object.keys(first.rooms), [room]);
    assert.equal(first.rooms[room].type, 'm.receipt');
    assert.deepEqual(Object.keys(first.rooms[room].content[old]['m.read']), [bob.userId]);
    const grown = (await sliding.next({ ...allRooms(3), extensions: receipts })).extensions.receipts;
    assert.deepEqual(
      new Set(Object.keys(grown.rooms[room].content[old]['m.read'])),
      new Set([bob.userId, carol.userId]),
    );
    const waiting = sliding.next({ ...allRooms(3), extensions: receipts }, 30_000);
    await read(carol, newest);
    const news = (await waiting).extensions.receipts.rooms[room];
    assert.deepEqual(Object.keys(news.content), [newest]);
    await read(carol, newest, 'm.read.private');
    await read(bob, newest, 'm.read.private');
    const own = (await sliding.next({ ...allRooms(3), extensions: receipts })).extensions.receipts.rooms[
      room
    ];
    assert.deepEqual(Object.keys(own.content[newest]), ['m.read.private']);
    assert.deepEqual(Object.keys(own.content[newest]['m.read.private']), [bob.userId]);
    const none = { receipts: { enabled: true, lists: [], rooms: [] } };
    await read(carol, await alice.say(room, 'latest'));
    assert.equal((await sliding.next({ ...allRooms(3), extensions: none })).extensions.receipts, undefined);
    const again = (await sliding.next({ ...allRooms(3), extensions: receipts })).extensions.receipts;
    assert.ok(JSON.stringify(again).includes(bob.userId));
  },
);

onServers('typing is told of, for the rooms asked for [B138 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const [one, other] = [
    await alice.createRoom({ preset: 'public_chat' }),
    await alice.createRoom({ preset: 'public_chat' }),
  ];
  for (const room of [one, other]) await bob.join(room);
  const type = (room: string, typing: boolean) =>
    alice.ok('PUT', alice.room(room, `/typing/${encodeURIComponent(alice.userId)}`), {
      typing,
      timeout: 20_000,
    });
  const sliding = new SlidingConnection(bob);
  const wishes = { ...allRooms(1), extensions: { typing: { enabled: true } } };
  assert.deepEqual((await sliding.next(wishes)).extensions, {});
  const waiting = sliding.next(wishes, 30_000);
  await type(one, true);
  const { typing } = (await waiting).extensions;
  assert.deepEqual(typing.rooms, { [one]: { type: 'm.typing', content: { user_ids: [alice.userId] } } });
  await type(other, true);
  const fresh = new SlidingConnection(bob, 'fresh');
  const subscription = { timeline_limit: 1, required_state: [] };
  const only = {
    room_subscriptions: { [one]: subscription, [other]: subscription },
    extensions: { typing: { enabled: true, lists: [], rooms: [other] } },
  };
  assert.deepEqual(Object.keys((await fresh.next(only)).extensions.typing.rooms), [other]);
  await sliding.next(wishes);
  await type(one, false);
  const stopped = (await sliding.next(wishes)).extensions.typing.rooms;
  assert.deepEqual(stopped[one].content.user_ids, []);
});
