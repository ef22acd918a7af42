import assert from 'node:assert/strict';
import type { Json } from '../../testing/client/test-client.ts';
import { withBob } from '../../testing/federation/remote-room-mate.ts';
import { deviceKeys } from './testing/keys-of-devices.ts';

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

withBob('a server that does not tell a list of devices is answered all the same', async (parts) => {
  const { a, remote, alice, bob } = parts;
  let asked = 0;
  const name = () => (asked > 1 ? 'telephone' : 'phone');
  const devices = () => [{ device_id: 'PHONE', keys: deviceKeys(bob, 'PHONE'), device_display_name: name() }];
  remote.answer = ({ url }) =>
    url.includes('/user/devices/')
      ? { status: 200, body: { user_id: bob, stream_id: 500, devices: devices() } }
      : undefined;
  const query = async () => {
    const found: Json = await alice.ok('POST', '/v3/keys/query', { device_keys: { [bob]: [] } });
    return found.device_keys[bob].PHONE.unsigned.device_display_name;
  };
  assert.equal(await query(), 'phone');
  const { next_batch: since } = await alice.sync();
  const gate = Promise.withResolvers<void>();
  const isAsked = Promise.withResolvers<void>();
  remote.holds = ({ url }) => {
    if (!url.includes('/user/devices/')) return undefined;
    asked += 1;
    isAsked.resolve();
    return asked === 1 ? gate.promise : undefined;
  };
  const update = (stream: number) => ({
    edu_type: 'm.device_list_update',
    content: { user_id: bob, device_id: 'PHONE', stream_id: stream, prev_id: [stream - 1] },
  });
  await remote.sendEdus(a.name, update(600));
  await isAsked.promise;
  await remote.sendEdus(a.name, update(601), {
    edu_type: 'm.signing_key_update',
    content: { user_id: bob },
  });
  await alice.syncUntil(since, (one) => (one.device_lists?.changed ?? []).includes(bob));
  assert.equal(asked, 1);
  gate.resolve();
  await remote.until(() => (asked > 1 ? true : undefined));
  assert.equal(
    await query(),
    'telephone',
    'it is asked once more, as the answer may be of before the update',
  );
});

withBob(
  'a list that was asked for before another process heard of an update is not kept as current',
  async (parts) => {
    const { a, remote, alice, bob } = parts;
    const device = (id: string) => ({ device_id: id, keys: deviceKeys(bob, id), device_display_name: id });
    let list = { stream_id: 5, devices: [device('PHONE')] };
    const gate = Promise.withResolvers<void>();
    const isAsked = Promise.withResolvers<void>();
    const first = list;
    let answered = 0;
    remote.answer = ({ url }) => {
      if (!url.includes('/user/devices/')) return undefined;
      return { status: 200, body: { user_id: bob, ...(answered++ === 0 ? first : list) } };
    };
    remote.holds = ({ url }) => {
      if (!url.includes('/user/devices/') || answered > 0) return undefined;
      isAsked.resolve();
      return gate.promise;
    };
    const query = async (): Promise<string[]> => {
      const found: Json = await alice.ok('POST', '/v3/keys/query', { device_keys: { [bob]: [] } });
      return Object.keys(found.device_keys[bob]);
    };
    const early = query();
    await isAsked.promise;
    list = { stream_id: 6, devices: [device('PHONE'), device('TABLET')] };
    const content = {
      user_id: bob,
      device_id: 'TABLET',
      stream_id: 6,
      prev_id: [5],
      keys: device('TABLET').keys,
    };
    const body = {
      origin: remote.name,
      origin_server_ts: Date.now(),
      pdus: [],
      edus: [{ edu_type: 'm.device_list_update', content }],
    };
    const other = await a.another();
    const sent = await remote.askAt(other.tlsPort ?? 0, a.name, '/_matrix/federation/v1/send/update', body);
    assert.equal(sent.status, 200);
    gate.resolve();
    await early;
    assert.deepEqual(await query(), ['PHONE', 'TABLET']);
  },
);
