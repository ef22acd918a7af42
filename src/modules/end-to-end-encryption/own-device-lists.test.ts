import assert from 'node:assert/strict';
import { GATHERING_MS } from '../../federation/sending/destination-queue.ts';
import { HeldTimers } from '../../testing/server/held-timers.ts';
import { onFederation, type TestFederation } from '../../testing/federation/federation.ts';
import { putIntoRoom } from '../../testing/federation/put-into-room.ts';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import * as untoldJoinsStore from '../../storage/federation/untold-joins-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { openPlaceDatabase } from '../../testing/server/place-database.ts';
import type { Json } from '../../testing/client/test-client.ts';
import { withBob, edu } from '../../testing/federation/remote-room-mate.ts';
import { SWEEP_MS, SWEPT } from './device-lists-on-join.ts';
import { deviceKeys, SIGNED_KEY } from './testing/keys-of-devices.ts';

/** What waits for company goes only once it has some. */
const sociable = new HeldTimers(GATHERING_MS);

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

withBob('a device is told by its name, whatever that is [B110 partial]', async ({ remote, alice }) => {
  let before: Json;
  for (const name of ['@prev_id', '@stream_id', '"@stream_id"', '],"stream_id":1,"x":["']) {
    await alice.ok('PUT', `/v3/devices/${alice.deviceId}`, { display_name: name });
    const told = await edu(remote, 'm.device_list_update', (one) => one.device_display_name === name);
    assert.deepEqual(told.prev_id, before === undefined ? [] : [before.stream_id]);
    assert.equal(typeof told.stream_id, 'number');
    before = told;
  }
});

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

/** A public room of Alice's with Bob of another server in it, which Carol has not joined. */
async function roomWithRemoteBob({ a, startRemote }: TestFederation) {
  const remote = await startRemote();
  const alice = await a.person('alice');
  const carol = await a.person('carol');
  const roomId = await alice.createRoom({ preset: 'public_chat' });
  await putIntoRoom(a, `@bob:${remote.name}`, roomId);
  return { remote, alice, carol, roomId };
}

const minutes = new HeldTimers(SWEEP_MS);

onFederation(
  'joins that a process left untold, however many, are told by another within a minute',
  async (federation) => {
    const { a } = federation;
    const { remote, carol, roomId } = await roomWithRemoteBob(federation);
    const { deviceListsOnJoin } = a.server.services;
    const announce = deviceListsOnJoin.announce.bind(deviceListsOnJoin);
    deviceListsOnJoin.announce = () => Promise.resolve();
    await a.client(carol.token).join(roomId);
    deviceListsOnJoin.announce = announce;
    const database = await openPlaceDatabase(a.place);
    try {
      // People who came and left again: nobody need be told of them. They are looked at before Carol is.
      const unit = new UnitOfWork();
      for (let i = 0; i < 2 * SWEPT; i++) {
        untoldJoinsStore.note(unit, `@${i}:${a.name}` as UserId, roomId as RoomId);
      }
      await database.commit(unit);
      minutes.letGo();
      const isHers = ({ user_id: userId }: Json) => userId === carol.userId;
      const told = await edu(remote, 'm.device_list_update', isHers);
      assert.equal(told.device_id, carol.deviceId);
      assert.deepEqual(await untoldJoinsStore.after(database, undefined, 3 * SWEPT), []);
    } finally {
      await database.close();
    }
  },
  { servers: 1, overrides: { timers: minutes } },
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

onFederation(
  'a join goes in one transaction with the devices of the user',
  async (federation) => {
    const { a } = federation;
    const { remote, alice, carol, roomId } = await roomWithRemoteBob(federation);
    await a.client(alice.token).say(roomId, 'before');
    await remote.until(() => remote.pdus.find((pdu) => pdu.content.body === 'before'));
    await a.client(carol.token).join(roomId);
    await edu(remote, 'm.device_list_update', (one) => one.user_id === carol.userId);
    const joined = remote.transactions.find(({ pdus }) => pdus.some((pdu) => pdu.state_key === carol.userId));
    assert.deepEqual(
      joined?.edus.map(({ content }) => content.user_id as unknown),
      [carol.userId],
    );
  },
  { servers: 1, overrides: { timers: sociable } },
);

withBob('other servers are told that a dehydrated device was replaced [B140 partial]', async (parts) => {
  const { remote, alice } = parts;
  const dehydrate = (deviceId: string) =>
    alice.ok('PUT', '/unstable/org.matrix.msc3814.v1/dehydrated_device', {
      device_id: deviceId,
      device_data: { algorithm: 'org.example' },
      device_keys: deviceKeys(alice.userId, deviceId),
    });
  await dehydrate('SLEEP1');
  await dehydrate('SLEEP2');
  await edu(remote, 'm.device_list_update', (one) => one.device_id === 'SLEEP2');
  // Whatever is told after this was written down after it.
  await alice.ok('PUT', `/v3/devices/${alice.deviceId}`, { display_name: 'the last' });
  await edu(remote, 'm.device_list_update', (one) => one.device_display_name === 'the last');
  const ended = remote.edus.filter(({ content }) => content.deleted === true);
  assert.deepEqual(
    ended.map(({ content }) => content.device_id),
    ['SLEEP1'],
  );
});
