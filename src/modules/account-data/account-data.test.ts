import assert from 'node:assert/strict';
import { onServers } from '../../testing/server/test-server.ts';
import { TestClient, type Json } from '../../testing/client/test-client.ts';
import { joined } from '../../testing/client/sync-body.ts';

const TYPE = 'org.example.test';
const UNSTABLE = '/_matrix/client/unstable/org.matrix.msc3391';

function eventOf(events: Json[] | undefined): Json {
  return events?.find((event) => event.type === TYPE);
}

onServers('account data is removed by DELETE and by empty content (MSC3391)', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const flags = (await alice.ok('GET', '/_matrix/client/versions')).unstable_features;
  assert.equal(flags['org.matrix.msc3391'], true);
  const room = await alice.createRoom();
  const global = `/user/${alice.userId}/account_data/${TYPE}`;
  const ofRoom = `/user/${alice.userId}/rooms/${encodeURIComponent(room)}/account_data/${TYPE}`;
  const inRoom = (body: Json) => body.rooms?.join?.[room]?.account_data?.events;
  for (const [path, events] of [
    [global, (body: Json) => body.account_data?.events],
    [ofRoom, inRoom],
  ] as const) {
    for (const remove of [
      () => alice.ok('DELETE', UNSTABLE + path),
      () => alice.ok('PUT', `/v3${path}`, {}),
    ]) {
      await alice.ok('PUT', `/v3${path}`, { value: 1 });
      const first = await alice.sync();
      assert.deepEqual(eventOf(events(first))?.content, { value: 1 });
      await remove();
      await alice.fails(404, 'M_NOT_FOUND', 'GET', `/v3${path}`);
      const next = await alice.sync({ since: first.next_batch });
      assert.deepEqual(eventOf(events(next))?.content, {}, 'who knew it is told');
      assert.equal(eventOf(events(await alice.sync())), undefined, 'who comes anew is not');
    }
    await bob.fails(403, 'M_FORBIDDEN', 'DELETE', UNSTABLE + path);
  }
  await alice.ok('DELETE', UNSTABLE + global);
  const managed = `${UNSTABLE}/user/${alice.userId}/account_data/m.push_rules`;
  await alice.fails(405, 'M_BAD_JSON', 'DELETE', managed);
});

onServers("a device's notification settings go with it (MSC3890)", async ({ person, server }) => {
  const alice = await person('alice');
  const tablet = new TestClient(server.url);
  const identifier = { type: 'm.id.user', user: 'alice' };
  const login = { type: 'm.login.password', identifier, password: 'alice password' };
  const session = await tablet.ok('POST', '/v3/login', login);
  tablet.token = session.access_token;
  const settings = (device: string) =>
    `/v3/user/${alice.userId}/account_data/org.matrix.msc3890.local_notification_settings.${device}`;
  await alice.ok('PUT', settings(session.device_id), { is_silenced: true });
  await alice.ok('PUT', settings(alice.deviceId), { is_silenced: false });
  const { next_batch: since } = await alice.sync();
  await tablet.ok('POST', '/v3/logout');
  await alice.fails(404, 'M_NOT_FOUND', 'GET', settings(session.device_id));
  assert.deepEqual(await alice.ok('GET', settings(alice.deviceId)), { is_silenced: false });
  const body = await alice.sync({ since });
  assert.deepEqual(
    body.account_data?.events.map((event: Json) => event.content),
    [{}],
  );
});

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

onServers('account data of a room that was left comes with it [B040]', async ({ person }) => {
  const alice = await person('alice');
  const room = await alice.createRoom();
  const path = `/v3/user/${alice.userId}/rooms/${encodeURIComponent(room)}/account_data`;
  await alice.ok('PUT', `${path}/org.example.old`, { a: 1 });
  const { next_batch: since } = await alice.sync();
  await alice.ok('PUT', `${path}/org.example.new`, { b: 2 });
  await alice.ok('POST', alice.room(room, '/leave'), {});
  const types = (body: Json) =>
    body.rooms.leave[room].account_data.events.map((event: Json) => event.type).sort();
  assert.deepEqual(types(await alice.sync({ since })), ['org.example.new']);
  const filter = JSON.stringify({ room: { include_leave: true } });
  assert.deepEqual(types(await alice.sync({ filter })), ['org.example.new', 'org.example.old']);
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
