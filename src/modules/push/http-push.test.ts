import assert from 'node:assert/strict';
import { systemClock } from '../../platform/clock.ts';
import { PushGateway } from '../../testing/gateways/push-gateway.ts';
import { TestClient } from '../../testing/client/test-client.ts';
import { onServers, type TestServer } from '../../testing/server/test-server.ts';

interface Scene extends TestServer {
  readonly gateway: PushGateway;
  readonly other: PushGateway;
  /** Lets a user be told of events; gives the pushkey. */
  push(client: TestClient, more?: object): Promise<string>;
}

/** Declares a test with push gateways that really answer. */
function onGateways(
  title: string,
  run: (scene: Scene) => Promise<void>,
  options: NonNullable<Parameters<typeof onServers>[2]> = {},
): void {
  const env = { MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8', ...options.env };
  const withGateways = async (server: TestServer) => {
    const [gateway, other] = [await PushGateway.start(), await PushGateway.start()];
    for (const one of [gateway, other]) server.server.services.plainGateways.add(one.name);
    const push = async (client: TestClient, more: object = {}) => {
      const pushkey = `key of ${client.userId}`;
      await client.ok('POST', '/v3/pushers/set', {
        ...{ kind: 'http', app_id: 'org.example.app', pushkey, lang: 'en' },
        ...{ app_display_name: 'App', device_display_name: 'Phone', data: { url: gateway.url } },
        ...more,
      });
      return pushkey;
    };
    try {
      await run(Object.assign(Object.create(server) as TestServer, { gateway, other, push }));
    } finally {
      gateway.close();
      other.close();
    }
  };
  onServers(title, withGateways, { ...options, env });
}

async function twoInARoom({ person }: TestServer, name?: string): Promise<[TestClient, TestClient, string]> {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat', ...(name === undefined ? {} : { name }) });
  await bob.join(room);
  return [alice, bob, room];
}

const read = (client: TestClient, room: string, eventId: string) =>
  client.ok('POST', client.room(room, `/receipt/m.read/${eventId}`), {});

onGateways(
  'gateways are told of events as the rules say [B133] [A075 partial] [B061 partial]',
  async (scene) => {
    const { gateway, push } = scene;
    const [alice, bob, room] = await twoInARoom(scene, 'Kitchen');
    await alice.say(room, 'before there was a pusher');
    const pushkey = await push(bob, { data: { url: gateway.url, brand: 'x' } });
    const rules = '/v3/pushrules/global/content/cake';
    const sound = { set_tweak: 'sound', value: 'cake.wav' };
    await bob.ok('PUT', rules, { pattern: 'cake', actions: ['notify', sound, { set_tweak: 'highlight' }] });
    await bob.ok('PUT', '/v3/pushrules/global/content/quiet', { pattern: 'quiet', actions: [] });
    await bob.say(room, 'my own cake');
    await alice.say(room, 'quiet');
    await alice.send(room, 'm.reaction', {});
    const eventId = await alice.say(room, 'there is cake');
    await gateway.until(() => gateway.taken.length > 0);
    const [{ devices, ...told }] = gateway.taken;
    const [{ pushkey_ts: ts, ...device }] = devices;
    assert.deepEqual(told, {
      event_id: eventId,
      room_id: room,
      type: 'm.room.message',
      sender: alice.userId,
      sender_display_name: 'alice',
      room_name: 'Kitchen',
      prio: 'high',
      content: { msgtype: 'm.text', body: 'there is cake' },
      counts: { unread: 1 },
    });
    const tweaks = { sound: 'cake.wav', highlight: true };
    assert.deepEqual(device, { app_id: 'org.example.app', pushkey, data: { brand: 'x' }, tweaks });
    assert.ok(Number.isInteger(ts) && Math.abs(ts - Date.now() / 1000) < 60);
  },
);

onGateways('a pusher may ask for event IDs only [B133 partial] [A075 partial]', async (scene) => {
  const { gateway, push } = scene;
  const [alice, bob, room] = await twoInARoom(scene);
  const format = 'event_id_only';
  const pushkey = await push(bob, { data: { url: gateway.url, format, default_payload: { aps: {} } } });
  const carol = await scene.person('carol');
  await carol.join(room);
  const eventId = await alice.say(room, 'hello');
  await gateway.until(() => gateway.taken.length > 0);
  const [{ devices, ...told }] = gateway.taken;
  assert.deepEqual(told, { event_id: eventId, room_id: room, prio: 'low', counts: { unread: 1 } });
  const [{ pushkey_ts: _ts, ...device }] = devices;
  const data = { format, default_payload: { aps: {} } };
  assert.deepEqual(device, { app_id: 'org.example.app', pushkey, data });
});

onGateways('invites are told of, unless they come from somebody ignored [B133 partial]', async (scene) => {
  const { gateway, push } = scene;
  const [alice, bob, carol] = [
    await scene.person('alice'),
    await scene.person('bob'),
    await scene.person('carol'),
  ];
  await push(bob);
  const ignored = { ignored_users: { [carol.userId]: {} } };
  await bob.ok('PUT', `/v3/user/${bob.userId}/account_data/m.ignored_user_list`, ignored);
  await carol.createRoom({ invite: [bob.userId] });
  const room = await alice.createRoom({ invite: [bob.userId], room_alias_name: 'den', name: 'Den' });
  await gateway.until(() => gateway.taken.length > 0);
  const [told] = gateway.taken;
  assert.deepEqual(
    [told.room_id, told.type, told.user_is_target, told.room_alias, told.prio],
    [room, 'm.room.member', true, `#den:localhost`, 'high'],
  );
  assert.equal(gateway.taken.length, 1);
});

onGateways('counts follow what is read, over all rooms [B133 partial]', async (scene) => {
  const { gateway, push } = scene;
  const [alice, bob, room] = await twoInARoom(scene);
  const second = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(second);
  await push(bob);
  const [first, last] = [await alice.say(room, 'one'), await alice.say(room, 'two')];
  await alice.say(second, 'elsewhere');
  await gateway.until(() => gateway.taken.length === 3);
  assert.equal(gateway.taken.at(-1).counts.unread, 3);
  await read(bob, room, first);
  await gateway.until(() => gateway.taken.length === 4);
  assert.deepEqual(Object.keys(gateway.taken[3]).sort(), ['counts', 'devices', 'prio']);
  assert.deepEqual(gateway.taken[3].counts, { unread: 2 });
  await read(bob, room, last);
  await gateway.until(() => gateway.taken.length === 5);
  assert.deepEqual(gateway.taken[4].counts, { unread: 1 });
});

onGateways('a rejected key ends its pusher [B133 partial] [A075 partial]', async (scene) => {
  const { gateway, push } = scene;
  const [alice, bob, room] = await twoInARoom(scene);
  const carol = await scene.person('carol');
  await carol.join(room);
  gateway.rejected.add(await push(bob));
  await push(carol);
  await alice.say(room, 'one');
  await gateway.until(() => gateway.taken.length === 2);
  const second = await alice.say(room, 'two');
  await gateway.until(() => gateway.eventIds.includes(second));
  const keys = gateway.taken.map((one) => one.devices[0].pushkey);
  assert.equal(keys.filter((key: string) => key.includes('bob')).length, 1);
  assert.deepEqual((await bob.ok('GET', '/v3/pushers')).pushers, []);
  assert.equal((await carol.ok('GET', '/v3/pushers')).pushers.length, 1);
});

onGateways(
  'what a gateway does not take is told again, in order, also after a restart [B133 partial]',
  async (scene) => {
    const { gateway, push } = scene;
    const [alice, bob, room] = await twoInARoom(scene);
    await push(bob);
    gateway.mood = 500;
    const sent = [await alice.say(room, 'one'), await alice.say(room, 'two')];
    await gateway.until(() => gateway.requests >= 2);
    assert.deepEqual(gateway.taken, []);
    await scene.restart();
    const alice2 = Object.assign(scene.anonymous(), { token: alice.token });
    sent.push(
      (
        await alice2.ok('PUT', alice2.room(room, '/send/m.room.message/x'), {
          msgtype: 'm.text',
          body: 'three',
        })
      ).event_id,
    );
    gateway.mood = 'accept';
    await gateway.until(() => gateway.eventIds.length === 3);
    assert.deepEqual(gateway.eventIds, sent);
  },
);

onGateways('a gateway that does not answer holds up nobody else [B133 partial]', async (scene) => {
  const { gateway, other, push } = scene;
  const [alice, bob, room] = await twoInARoom(scene);
  const people: TestClient[] = [];
  for (let i = 0; i < 20; i++) {
    const person = await scene.person(`p${i}`);
    await person.join(room);
    await push(person);
    people.push(person);
  }
  await push(bob, { data: { url: other.url } });
  gateway.mood = 'silent';
  const sent: string[] = [];
  for (let i = 0; i < 5; i++) {
    sent.push(await alice.say(room, `message ${i}`));
    await other.until(() => other.eventIds.length === i + 1);
  }
  assert.deepEqual(other.eventIds, sent);
  await gateway.until(() => gateway.requests >= 16);
  assert.equal(gateway.mostUnderWay, 16);
  assert.deepEqual(gateway.taken, []);
});

let hoursLater = 0;
const clock = { ...systemClock, now: () => systemClock.now() + hoursLater * 3_600_000 };

onGateways(
  'what was not taken for long is given up, and later events are told of [B133 partial]',
  async (scene) => {
    const { gateway, push } = scene;
    const [alice, bob, room] = await twoInARoom(scene);
    await push(bob);
    gateway.mood = 503;
    await alice.say(room, 'nobody will hear this');
    await gateway.until(() => gateway.requests >= 1);
    hoursLater += 23;
    await gateway.until(() => gateway.requests >= 2);
    hoursLater += 2;
    gateway.mood = 'accept';
    const later = await alice.say(room, 'later');
    await gateway.until(() => gateway.eventIds.length > 0);
    assert.deepEqual(gateway.eventIds, [later]);
  },
  { overrides: { clock } },
);

onGateways('what was read or redacted before it was told is not told [B133 partial]', async (scene) => {
  const { gateway, push } = scene;
  const [alice, bob, room] = await twoInARoom(scene);
  await push(bob);
  gateway.mood = 500;
  const [first, second] = [await alice.say(room, 'read'), await alice.say(room, 'redacted')];
  await gateway.until(() => gateway.requests >= 1);
  await read(bob, room, first);
  await alice.ok('PUT', alice.room(room, `/redact/${second}/r`), {});
  const third = await alice.say(room, 'told');
  gateway.mood = 'accept';
  await gateway.until(() => gateway.eventIds.length > 0);
  assert.deepEqual(gateway.eventIds, [third]);
});

onGateways('pushers that are switched off tell nothing [B061 partial]', async (scene) => {
  const { gateway, other, push } = scene;
  const [alice, bob, room] = await twoInARoom(scene);
  await push(bob, { 'org.matrix.msc3881.enabled': false });
  await push(bob, { pushkey: 'second', data: { url: other.url } });
  await alice.say(room, 'one');
  await other.until(() => other.taken.length === 1);
  await push(bob);
  const second = await alice.say(room, 'two');
  await gateway.until(() => gateway.taken.length === 1);
  assert.deepEqual(gateway.eventIds, [second]);
});

onGateways('with several processes each event is told of once [B133 partial]', async (scene) => {
  const { gateway, push } = scene;
  const [alice, bob, room] = await twoInARoom(scene);
  await push(bob);
  const second = await scene.another();
  second.services.plainGateways.add(gateway.name);
  const via = new TestClient(second.url, alice.token);
  const sent: string[] = [];
  for (let i = 0; i < 10; i++) {
    const by = i % 2 === 0 ? alice : via;
    const path = by.room(room, `/send/m.room.message/several${i}`);
    sent.push((await by.ok('PUT', path, { msgtype: 'm.text', body: `${i}` })).event_id);
  }
  await gateway.until(() => gateway.eventIds.length >= 10);
  if (scene.place.engine === 'postgres') {
    await scene.restart();
    const path = via.room(room, '/send/m.room.message/last');
    sent.push((await via.ok('PUT', path, { msgtype: 'm.text', body: 'last' })).event_id);
    await gateway.until(() => gateway.eventIds.length >= 11);
  }
  assert.deepEqual(gateway.eventIds, sent);
});

onServers(
  'gateways that may be told over HTTP are known however their address is written',
  async ({ person }) => {
    const alice = await person('alice');
    const set = (url: string) =>
      alice.ask('POST', '/v3/pushers/set', {
        ...{ kind: 'http', app_id: 'org.example.app', pushkey: url, lang: 'en' },
        ...{ app_display_name: 'App', device_display_name: 'Phone', data: { url } },
      });
    const notify = '/_matrix/push/v1/notify';
    for (const host of ['push.internal', 'push.internal:80', 'other.internal:8080'])
      assert.equal((await set(`http://${host}${notify}`)).status, 200, host);
    for (const host of ['push.internal:8080', 'other.internal'])
      assert.equal((await set(`http://${host}${notify}`)).status, 400, host);
  },
  { env: { MYELIN_PUSH_PLAIN_GATEWAYS: 'push.internal:80, Other.internal:8080' } },
);
