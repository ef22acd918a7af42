import assert from 'node:assert/strict';
import type { JsonObject } from '../protocol/json.ts';
import { signJson, SigningKey } from '../protocol/signing.ts';
import {
  onFederation,
  type FederatingServer,
  type TestFederation,
} from '../testing/federation/federation.ts';
import { putIntoRoom } from '../testing/federation/put-into-room.ts';
import type { RemoteServer } from '../testing/federation/remote-server.ts';
import type { Json, TestClient } from '../testing/client/test-client.ts';

/** A key of Bob's for cross-signing, as his server gives it. */
function crossSigningKey(usage: string, userId: string, key: SigningKey, signer?: SigningKey): JsonObject {
  const keys = { [`ed25519:${key.publicKey}`]: key.publicKey };
  const unsigned = { user_id: userId, usage: [usage], keys };
  if (!signer) return unsigned;
  const { signatures } = signJson(unsigned, userId, signer) as Json;
  const signature = signatures[userId][signer.keyId];
  return { ...unsigned, signatures: { [userId]: { [`ed25519:${signer.publicKey}`]: signature } } };
}

const keyOf = (byte: number) => SigningKey.fromSeed('ed25519:0', Buffer.alloc(32, byte));

/** A one-time key with what the specification wants of one; nobody checks the signature here. */
const SIGNED_KEY = { key: 'k', signatures: { '@bob:bob.example': { 'ed25519:PHONE': 's' } } };

interface Parts {
  readonly a: FederatingServer;
  readonly remote: RemoteServer;
  readonly alice: TestClient;
  /** A user of the remote server, in the room. */
  readonly bob: string;
  readonly roomId: string;
}

/** Declares a test with Alice here and Bob on another server in one room. */
function withBob(title: string, run: (parts: Parts) => Promise<void>): void {
  onFederation(
    title,
    async ({ a, startRemote }: TestFederation) => {
      const remote = await startRemote();
      const person = await a.person('alice');
      const roomId = await person.createRoom({});
      const bob = `@bob:${remote.name}`;
      await putIntoRoom(a, bob, roomId);
      const alice = a.client(person.token);
      alice.userId = person.userId;
      alice.deviceId = person.deviceId;
      await run({ a, remote, alice, bob, roomId });
    },
    { servers: 1 },
  );
}

/** Waits for the first EDU of a type that the remote server got and for which the condition holds. */
function edu(
  remote: RemoteServer,
  type: string,
  holds: (content: Json) => boolean = () => true,
): Promise<Json> {
  return remote.until(
    () => remote.edus.find((one) => one.edu_type === type && holds(one.content))?.content as Json,
  );
}

const ephemeral = (body: Json, roomId: string, type: string): Json =>
  (body.rooms?.join?.[roomId]?.ephemeral?.events ?? []).find((event: Json) => event.type === type);

withBob('typing goes to other servers and comes from them [B111] [A114]', async (parts) => {
  const { a, remote, alice, bob, roomId } = parts;
  const path = alice.room(roomId, `/typing/${encodeURIComponent(alice.userId)}`);
  await alice.ok('PUT', path, { typing: true, timeout: 20_000 });
  assert.deepEqual(await edu(remote, 'm.typing'), { room_id: roomId, user_id: alice.userId, typing: true });
  await alice.ok('PUT', path, { typing: false });
  await edu(remote, 'm.typing', (content) => content.typing === false);
  const later = remote.edus.length;
  await alice.ok('PUT', path, { typing: true, timeout: 100 });
  const stopped = (one: Json) => one.edu_type === 'm.typing' && one.content.typing === false;
  await remote.until(() => remote.edus.slice(later).find(stopped));

  const since = (await alice.sync()).next_batch;
  await remote.sendEdus(
    a.name,
    { edu_type: 'm.typing', content: { room_id: roomId, user_id: `@mallory:${a.name}`, typing: true } },
    { edu_type: 'm.typing', content: { room_id: roomId, user_id: `@nobody:${remote.name}`, typing: true } },
    { edu_type: 'm.typing', content: { room_id: roomId, user_id: bob, typing: true } },
  );
  const body = await alice.syncUntil(since, (one) => ephemeral(one, roomId, 'm.typing') !== undefined);
  assert.deepEqual(ephemeral(body, roomId, 'm.typing').content.user_ids, [bob]);
  await remote.sendEdus(a.name, {
    edu_type: 'm.typing',
    content: { room_id: roomId, user_id: bob, typing: false },
  });
  const isOver = (one: Json) => ephemeral(one, roomId, 'm.typing')?.content.user_ids.length === 0;
  await alice.syncUntil(body.next_batch, isOver);
});

withBob('receipts go to other servers and come from them [B111] [A114]', async (parts) => {
  const { a, remote, alice, bob, roomId } = parts;
  const eventId = await alice.say(roomId, 'read this');
  await alice.ok('POST', alice.room(roomId, `/receipt/m.read/${encodeURIComponent(eventId)}`), {
    thread_id: 'main',
  });
  const sent = await edu(remote, 'm.receipt');
  const receipt = sent[roomId]['m.read'][alice.userId];
  assert.deepEqual(receipt.event_ids, [eventId]);
  assert.equal(receipt.data.thread_id, 'main');
  assert.equal(typeof receipt.data.ts, 'number');
  const secret = await alice.say(roomId, 'read in private');
  await alice.ok('POST', alice.room(roomId, `/receipt/m.read.private/${encodeURIComponent(secret)}`), {});

  const since = (await alice.sync()).next_batch;
  const read = (user: string, id = eventId) => ({
    [user]: { data: { ts: 1_700_000_000_000 }, event_ids: [id] },
  });
  const elsewhere = await alice.createRoom({});
  const there = await alice.say(elsewhere, 'not for Bob');
  const users = [alice.userId, `@mallory:${a.name}`, `@nobody:${remote.name}`, 'nobody'];
  const mixed = Object.assign({}, ...users.map((user) => read(user)), read(bob)) as Json;
  await remote.sendEdus(a.name, {
    edu_type: 'm.receipt',
    content: {
      nowhere: { 'm.read': read(bob) },
      [elsewhere]: { 'm.read': read(bob, there) },
      [roomId]: { 'm.read': mixed, 'm.read.private': read(bob, secret) },
    },
  });
  const body = await alice.syncUntil(since, (one) => ephemeral(one, roomId, 'm.receipt') !== undefined);
  const { content } = ephemeral(body, roomId, 'm.receipt');
  assert.deepEqual(content[eventId]['m.read'], { [bob]: { ts: 1_700_000_000_000 } });
  assert.ok(!JSON.stringify(remote.edus).includes(secret), 'private receipts stay here');
  const all = (await alice.sync()).rooms.join;
  assert.deepEqual(
    Object.keys(ephemeral({ rooms: { join: all } }, roomId, 'm.receipt').content[eventId]['m.read']).sort(),
    [alice.userId, bob].sort(),
  );
  assert.ok(!JSON.stringify(all[elsewhere].ephemeral).includes(bob), 'only of users in the room');
  const later = await alice.say(roomId, 'and this');
  await remote.sendEdus(a.name, {
    edu_type: 'm.receipt',
    content: { [roomId]: { 'm.read': read(bob, later) } },
  });
  const moved = await alice.syncUntil(body.next_batch, (one) =>
    JSON.stringify(ephemeral(one, roomId, 'm.receipt') ?? {}).includes(later),
  );
  assert.deepEqual(Object.keys(ephemeral(moved, roomId, 'm.receipt').content), [later], 'a delta');
});

withBob(
  'presence goes to other servers and comes from them, of users that they may tell of [B111]',
  async (parts) => {
    const { a, remote, alice, bob, roomId } = parts;
    await alice.ok('PUT', `/v3/presence/${encodeURIComponent(alice.userId)}/status`, {
      presence: 'unavailable',
      status_msg: 'out',
    });
    const { push } = await edu(remote, 'm.presence', (content) => content.push[0].presence === 'unavailable');
    assert.equal(push[0].user_id, alice.userId);
    assert.equal(push[0].status_msg, 'out');
    const carol = await a.person('carol');
    await alice.ok('POST', alice.room(roomId, '/invite'), { user_id: carol.userId });
    await carol.join(roomId);
    const since = (await alice.sync()).next_batch;
    const online = (user: string) => ({ user_id: user, presence: 'online', last_active_ago: 5_000 });
    const stranger = `@stranger:${remote.name}`;
    await remote.sendEdus(a.name, {
      edu_type: 'm.presence',
      content: {
        push: [
          { ...online(carol.userId), status_msg: 'forged' },
          { ...online('@eve:other.test'), status_msg: 'forged' },
          { ...online(bob), presence: 'nonsense' },
          online(stranger),
          { ...online(bob), currently_active: true, status_msg: 'there' },
        ],
      },
    });
    const isBob = (one: Json) => one.sender === bob;
    const body = await alice.syncUntil(since, (one) => (one.presence?.events ?? []).some(isBob));
    const { presence, status_msg: status } = body.presence.events.find(isBob).content;
    assert.deepEqual([presence, status], ['online', 'there']);
    const told = (await alice.sync()).presence.events as Json[];
    assert.ok(!JSON.stringify(told).includes('forged'));
    assert.ok(!told.some(({ sender }) => sender === stranger), 'one who shares no room is of no interest');
    const dave = await a.person('dave');
    await dave.ok('PUT', `/v3/presence/${encodeURIComponent(dave.userId)}/status`, { presence: 'online' });
    await alice.ok('PUT', `/v3/presence/${encodeURIComponent(alice.userId)}/status`, {
      ...{ presence: 'online', status_msg: 'back' },
    });
    await edu(remote, 'm.presence', (content) => content.push[0].status_msg === 'back');
    assert.ok(!JSON.stringify(remote.edus).includes(dave.userId), 'only who shares a room is told of');
  },
);

withBob('messages to devices cross servers, each exactly once [B110]', async (parts) => {
  const { a, remote, alice, bob } = parts;
  await alice.ok('PUT', '/v3/sendToDevice/test.type/t1', { messages: { [bob]: { PHONE: { n: 1 } } } });
  await alice.ok('PUT', '/v3/sendToDevice/test.type/t1', { messages: { [bob]: { PHONE: { n: 1 } } } });
  const sent = await edu(remote, 'm.direct_to_device');
  assert.equal(sent.sender, alice.userId);
  assert.equal(sent.type, 'test.type');
  assert.deepEqual(sent.messages, { [bob]: { PHONE: { n: 1 } } });

  const message = (id: string, n: number, sender = bob) => ({
    edu_type: 'm.direct_to_device',
    content: { sender, type: 'test.type', message_id: id, messages: { [alice.userId]: { '*': { n } } } },
  });
  await remote.sendEdus(a.name, message('1', 1), message('1', 1), message('2', 2));
  await remote.sendEdus(a.name, message('1', 1), message('3', 3, `@mallory:${a.name}`), message('4', 4));
  const { to_device: toDevice } = await alice.sync();
  assert.deepEqual(
    toDevice.events.map((event: Json) => [event.sender, event.content.n]),
    [
      [bob, 1],
      [bob, 2],
      [bob, 4],
    ],
  );
  assert.equal(remote.edus.filter((one) => one.edu_type === 'm.direct_to_device').length, 1);
});

const deviceKeys = (userId: string, deviceId: string, key = 'a') => ({
  user_id: userId,
  device_id: deviceId,
  algorithms: ['m.olm.v1.curve25519-aes-sha2'],
  keys: { [`curve25519:${deviceId}`]: key },
  signatures: { [userId]: { [`ed25519:${deviceId}`]: 'signature' } },
});

withBob('changes of devices are told to other servers, each with the one before [B110]', async (parts) => {
  const { a, remote, alice } = parts;
  const keys = deviceKeys(alice.userId, alice.deviceId);
  await alice.ok('POST', '/v3/keys/upload', { device_keys: keys });
  const first = await edu(remote, 'm.device_list_update');
  assert.deepEqual(first.keys, keys);
  assert.equal(first.device_id, alice.deviceId);
  assert.deepEqual(first.prev_id, []);
  await alice.ok('PUT', `/v3/devices/${alice.deviceId}`, { display_name: 'my phone' });
  const second = await edu(remote, 'm.device_list_update', (one) => one.device_display_name === 'my phone');
  assert.deepEqual(second.prev_id, [first.stream_id]);
  assert.ok(second.stream_id > first.stream_id);

  const path = (rest: string) => `/_matrix/federation/v1/user/${rest}`;
  const list = await remote.ask(a.name, 'GET', path(`devices/${encodeURIComponent(alice.userId)}`));
  assert.equal(list.status, 200);
  assert.equal(list.body.stream_id, second.stream_id);
  assert.deepEqual(list.body.devices, [{ device_id: alice.deviceId, keys, device_display_name: 'my phone' }]);
  const unknown = await remote.ask(a.name, 'GET', path(`devices/${encodeURIComponent(`@nobody:${a.name}`)}`));
  assert.equal(unknown.status, 404);
  const queried = await remote.ask(a.name, 'POST', path('keys/query'), {
    device_keys: { [alice.userId]: [] },
  });
  assert.deepEqual(queried.body.device_keys[alice.userId][alice.deviceId].keys, keys.keys);
  await alice.ok('POST', '/v3/keys/upload', { one_time_keys: { 'signed_curve25519:one': SIGNED_KEY } });
  const claim = { one_time_keys: { [alice.userId]: { [alice.deviceId]: 'signed_curve25519' } } };
  const claimed = await remote.ask(a.name, 'POST', path('keys/claim'), claim);
  const ofDevice = claimed.body.one_time_keys[alice.userId][alice.deviceId];
  assert.deepEqual(ofDevice, { 'signed_curve25519:one': SIGNED_KEY });
  const nothing = await remote.ask(a.name, 'POST', path('keys/claim'), claim);
  assert.deepEqual(nothing.body, { one_time_keys: {} });

  await alice.ok('POST', '/v3/logout', {});
  const last = await edu(remote, 'm.device_list_update', (one) => one.deleted === true);
  assert.equal(last.device_id, alice.deviceId);
  assert.deepEqual(last.prev_id, [second.stream_id]);
});

withBob(
  'devices of others are fetched once, followed by updates, and fetched again after a gap or when the count goes back ' +
    '[B110]',
  async (parts) => {
    const { a, remote, alice, bob } = parts;
    let devices = [{ device_id: 'PHONE', keys: deviceKeys(bob, 'PHONE'), device_display_name: 'phone' }];
    let streamId = 5;
    const asked = () => remote.seen.filter(({ url }) => url.includes('/user/devices/')).length;
    remote.answer = ({ url }) =>
      url.includes('/user/devices/')
        ? { status: 200, body: { user_id: bob, stream_id: streamId, devices } }
        : undefined;
    const query = async () =>
      (await alice.ok('POST', '/v3/keys/query', { device_keys: { [bob]: [] } })) as Json;
    assert.deepEqual((await query()).device_keys[bob].PHONE.keys, deviceKeys(bob, 'PHONE').keys);
    assert.equal((await query()).device_keys[bob].PHONE.unsigned.device_display_name, 'phone');
    assert.equal(asked(), 1, 'the second answer is from here');

    const update = (stream: number, previous: number[], deviceId: string, more: object) => ({
      edu_type: 'm.device_list_update',
      content: { user_id: bob, device_id: deviceId, stream_id: stream, prev_id: previous, ...more },
    });
    let since = (await alice.sync()).next_batch;
    const isTold = (one: Json) => (one.device_lists?.changed ?? []).includes(bob);
    await remote.sendEdus(a.name, update(6, [5], 'TABLET', { keys: deviceKeys(bob, 'TABLET') }));
    since = (await alice.syncUntil(since, isTold)).next_batch;
    assert.deepEqual(Object.keys((await query()).device_keys[bob]), ['PHONE', 'TABLET']);
    await remote.sendEdus(a.name, update(7, [6], 'PHONE', { deleted: true }));
    since = (await alice.syncUntil(since, isTold)).next_batch;
    assert.deepEqual(Object.keys((await query()).device_keys[bob]), ['TABLET']);
    assert.equal(asked(), 1);

    devices = [{ device_id: 'WATCH', keys: deviceKeys(bob, 'WATCH'), device_display_name: 'watch' }];
    streamId = 10;
    await remote.sendEdus(a.name, update(10, [9], 'WATCH', { keys: deviceKeys(bob, 'WATCH') }));
    await remote.until(() => (asked() >= 2 ? true : undefined));
    since = (await alice.syncUntil(since, isTold)).next_batch;
    assert.deepEqual(Object.keys((await query()).device_keys[bob]), ['WATCH']);

    devices = [];
    streamId = 9;
    // A query that came before the list was kept has it fetched once more.
    const soFar = asked();
    await remote.sendEdus(a.name, update(9, [8], 'WATCH', { deleted: true }));
    await remote.until(() => (asked() > soFar ? true : undefined));
    await alice.syncUntil(since, isTold);
    assert.deepEqual(Object.keys((await query()).device_keys[bob] ?? {}), []);
    const before = asked();
    await remote.sendEdus(a.name, update(9, [8], 'WATCH', { keys: deviceKeys(bob, 'WATCH') }));
    assert.deepEqual(Object.keys((await query()).device_keys[bob] ?? {}), []);
    assert.equal(asked(), before, 'what the list has is not fetched again');
  },
);

withBob(
  'keys of people on other servers are asked for and claimed, with what failed [B110]',
  async (parts) => {
    const { remote, alice, bob } = parts;
    const stranger = `@stranger:${remote.name}`;
    remote.answer = ({ url, body }) => {
      if (url.endsWith('/user/keys/query')) {
        assert.deepEqual(body, { device_keys: { [stranger]: ['X'] } });
        const keys = { [stranger]: { X: deviceKeys(stranger, 'X') }, [alice.userId]: { FORGED: {} } };
        return { status: 200, body: { device_keys: keys } };
      }
      if (!url.endsWith('/user/keys/claim')) return undefined;
      const oneTime = { [bob]: { PHONE: { 'signed_curve25519:x': SIGNED_KEY } } };
      return { status: 200, body: { one_time_keys: oneTime } };
    };
    const gone = '@carol:localhost:1';
    const queried = await alice.ok('POST', '/v3/keys/query', {
      device_keys: { [stranger]: ['X'], [gone]: [] },
      timeout: 2_000,
    });
    assert.deepEqual(Object.keys(queried.device_keys), [stranger]);
    assert.deepEqual(Object.keys(queried.failures), ['localhost:1']);
    const claimed = await alice.ok('POST', '/v3/keys/claim', {
      one_time_keys: { [bob]: { PHONE: 'signed_curve25519' }, [gone]: { Y: 'signed_curve25519' } },
      timeout: 2_000,
    });
    assert.deepEqual(claimed.one_time_keys, { [bob]: { PHONE: { 'signed_curve25519:x': SIGNED_KEY } } });
    assert.deepEqual(Object.keys(claimed.failures), ['localhost:1']);
  },
);

withBob(
  'keys for cross-signing are told to other servers, and those of people there are believed as far as they are signed ' +
    '[B110]',
  async (parts) => {
    const { a, remote, alice, bob } = parts;
    const [master, selfSigning] = [keyOf(1), keyOf(2)];
    const keysOf = (userId: string) => ({
      master_key: crossSigningKey('master', userId, master),
      self_signing_key: crossSigningKey('self_signing', userId, selfSigning, master),
    });
    const ofAlice = keysOf(alice.userId);
    const userSigning = crossSigningKey('user_signing', alice.userId, keyOf(3), master);
    await alice.ok('POST', '/v3/keys/device_signing/upload', { ...ofAlice, user_signing_key: userSigning });
    assert.deepEqual(await edu(remote, 'm.signing_key_update'), { user_id: alice.userId, ...ofAlice });
    const path = '/_matrix/federation/v1/user';
    const list = await remote.ask(a.name, 'GET', `${path}/devices/${encodeURIComponent(alice.userId)}`);
    // The master key comes with the signatures by devices, of which there are none.
    const unsigned = { ...ofAlice.master_key, signatures: {} };
    assert.deepEqual(list.body.master_key, unsigned);
    assert.deepEqual(list.body.self_signing_key, ofAlice.self_signing_key);
    const wanted = { device_keys: { [alice.userId]: [], [bob]: [] } };
    const { body } = await remote.ask(a.name, 'POST', `${path}/keys/query`, wanted);
    assert.deepEqual(body.master_keys, { [alice.userId]: unsigned });
    assert.deepEqual(body.self_signing_keys, { [alice.userId]: ofAlice.self_signing_key });
    assert.deepEqual(Object.keys(body.device_keys), [alice.userId], 'of people here only');
    assert.equal(body.user_signing_keys, undefined, 'that is for its user alone');

    remote.answer = ({ url }) =>
      url.includes('/user/devices/')
        ? { status: 200, body: { user_id: bob, stream_id: 1, devices: [] } }
        : undefined;
    const query = async () =>
      (await alice.ok('POST', '/v3/keys/query', { device_keys: { [bob]: [] } })) as Json;
    assert.deepEqual((await query()).master_keys, {});
    const update = (content: JsonObject) => ({ edu_type: 'm.signing_key_update', content });
    const since = (await alice.sync()).next_batch;
    const ofBob = keysOf(bob);
    await remote.sendEdus(
      a.name,
      update({ user_id: alice.userId, ...keysOf(alice.userId), master_key: ofBob.master_key }),
      update({ user_id: bob, ...ofBob }),
    );
    await alice.syncUntil(since, (one) => (one.device_lists?.changed ?? []).includes(bob));
    const shown = await query();
    assert.deepEqual(shown.master_keys, { [bob]: { ...ofBob.master_key, signatures: {} } });
    assert.deepEqual(shown.self_signing_keys, { [bob]: ofBob.self_signing_key });
    const forged = crossSigningKey('self_signing', bob, keyOf(4), keyOf(5));
    await remote.sendEdus(
      a.name,
      update({ user_id: bob, master_key: ofBob.master_key, self_signing_key: forged }),
    );
    const after = (await query()).self_signing_keys as JsonObject;
    assert.notDeepEqual(after[bob], forged, 'what the master key has not signed is not shown');
    const own = await alice.ok('POST', '/v3/keys/query', { device_keys: { [alice.userId]: [] } });
    assert.deepEqual(own.master_keys, { [alice.userId]: unsigned });
  },
);

withBob(
  'a process that ends before it told of the devices of one who joined leaves that to the next [B110]',
  async ({ a, remote, roomId, alice }) => {
    const carol = await a.person('carol');
    await alice.ok('POST', alice.room(roomId, '/invite'), { user_id: carol.userId });
    a.server.services.deviceListsOnJoin.announce = () => Promise.resolve();
    await carol.join(roomId);
    await carol.say(roomId, 'joined');
    await remote.until(() => remote.pdus.find((pdu: Json) => pdu.content.body === 'joined'));
    const isHers = (content: Json) => content.user_id === carol.userId;
    assert.ok(!remote.edus.some(({ content }) => isHers(content)), 'nobody was told');
    await a.stop();
    await a.start();
    const told = await edu(remote, 'm.device_list_update', isHers);
    assert.equal(told.device_id, carol.deviceId);
  },
);

withBob(
  'a server that tells of one change after the other is asked for the list once, not each time',
  async (parts) => {
    const { a, remote, alice, bob } = parts;
    const devices = [{ device_id: 'PHONE', keys: deviceKeys(bob, 'PHONE'), device_display_name: 'phone' }];
    remote.answer = ({ url }) =>
      url.includes('/user/devices/')
        ? { status: 200, body: { user_id: bob, stream_id: 500, devices } }
        : undefined;
    await alice.ok('POST', '/v3/keys/query', { device_keys: { [bob]: [] } });
    const gate = Promise.withResolvers<void>();
    const isAsked = Promise.withResolvers<void>();
    let asked = 0;
    remote.holds = ({ url }) => {
      if (!url.includes('/user/devices/')) return undefined;
      asked += 1;
      isAsked.resolve();
      return gate.promise;
    };
    const update = (stream: number) => ({
      edu_type: 'm.device_list_update',
      content: { user_id: bob, device_id: 'PHONE', stream_id: stream, prev_id: [stream - 1] },
    });
    const sent = Array.from({ length: 30 }, (_, i) => remote.sendEdus(a.name, update(600 + i)));
    await isAsked.promise;
    gate.resolve();
    await Promise.all(sent);
    assert.ok(asked <= 5, `asked ${asked} times`);
    const found = await alice.ok('POST', '/v3/keys/query', { device_keys: { [bob]: [] } });
    assert.deepEqual(Object.keys(found.device_keys[bob]), ['PHONE']);
  },
);

onFederation(
  'servers that somebody begins to share a room with are told of the devices, others not again [B110]',
  async ({ a, startRemote }) => {
    const remote = await startRemote();
    const alice = await a.person('alice');
    const carol = await a.person('carol');
    const bob = `@bob:${remote.name}`;
    const [first, second] = [
      await alice.createRoom({ preset: 'public_chat' }),
      await alice.createRoom({ preset: 'public_chat' }),
    ];
    for (const room of [first, second]) await putIntoRoom(a, bob, room);
    const person = a.client(carol.token);
    await person.join(first);
    const told = await edu(remote, 'm.device_list_update', (one) => one.user_id === carol.userId);
    assert.deepEqual([told.device_id, told.prev_id], [carol.deviceId, []]);
    await person.join(second);
    await person.say(second, 'the last');
    await remote.until(() => remote.pdus.find((pdu) => pdu.content.body === 'the last'));
    const updates = remote.edus.filter(
      (one) => one.edu_type === 'm.device_list_update' && one.content.user_id === carol.userId,
    );
    assert.equal(updates.length, 1);
  },
  { servers: 1 },
);
