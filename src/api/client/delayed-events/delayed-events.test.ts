import assert from 'node:assert/strict';
import type { Json, TestClient } from '../../../testing/client/test-client.ts';
import { onFederation } from '../../../testing/federation/federation.ts';
import { onServers } from '../../../testing/server/test-server.ts';

const WAITING = '/unstable/org.matrix.msc4140/delayed_events';

async function waiting(client: TestClient): Promise<Json[]> {
  return (await client.ok('GET', WAITING)).delayed_events;
}

function delayed(
  client: TestClient,
  room: string,
  path: string,
  delay: number,
  content: object,
): Promise<Json> {
  return client.ok('PUT', client.room(room, `${path}?org.matrix.msc4140.delay=${delay}`), content);
}

onServers('Delayed events are sent in turn when their time has come (MSC4140) [B142 partial]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const { next_batch: since } = await bob.sync();
  assert.deepEqual(await waiting(alice), []);
  const one = await delayed(alice, room, '/send/x.test/1', 300, { n: 1 });
  const again = await delayed(alice, room, '/send/x.test/1', 300, { n: 1 });
  assert.equal(again.delay_id, one.delay_id);
  await delayed(alice, room, '/send/x.test/2', 350, { n: 2 });
  await delayed(alice, room, '/state/x.test/key', 400, { n: 3 });
  const list = await waiting(alice);
  assert.equal(list.length, 3);
  const first = list.find((event) => event.delay_id === one.delay_id);
  assert.equal(first.room_id, room);
  assert.equal(first.type, 'x.test');
  assert.equal(first.delay, 300);
  assert.deepEqual(first.content, { n: 1 });
  assert.ok(Math.abs(first.running_since - Date.now()) < 20_000);
  assert.deepEqual(await waiting(bob), []);
  await alice.fails(404, 'M_NOT_FOUND', 'GET', alice.room(room, '/state/x.test/key'));
  const seen: number[] = [];
  await bob.syncUntil(since, (body) => {
    for (const event of (body.rooms?.join?.[room]?.timeline?.events ?? []) as Json[]) {
      if (event.type === 'x.test') seen.push(event.content.n);
    }
    return seen.length >= 3;
  });
  assert.deepEqual(seen, [1, 2, 3]);
  assert.deepEqual(await waiting(alice), []);
});

onServers(
  'A delayed event is cancelled, restarted or sent by whoever knows its ID [B142 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const nobody = s.anonymous();
    const room = await alice.createRoom();
    const at = (id: string, action: string) => `${WAITING}/${id}/${action}`;
    const { delay_id: cancelled } = await delayed(alice, room, '/state/x.test/a', 100_000, {});
    const { delay_id: sent } = await delayed(alice, room, '/state/x.test/b', 100_000, { sent: true });
    const { delay_id: restarted } = await delayed(alice, room, '/state/x.test/c', 100_000, {});
    const before = (await waiting(alice)).find((event) => event.delay_id === restarted).running_since;
    await nobody.ok('POST', at(cancelled, 'cancel'), {});
    await nobody.ok('POST', at(sent, 'send'), {});
    await nobody.ok('POST', `${WAITING}/${restarted}`, { action: 'restart' });
    assert.deepEqual(await alice.ok('GET', alice.room(room, '/state/x.test/b')), { sent: true });
    await alice.fails(404, 'M_NOT_FOUND', 'GET', alice.room(room, '/state/x.test/a'));
    const left = await waiting(alice);
    assert.deepEqual(
      left.map((event) => event.delay_id),
      [restarted],
    );
    assert.ok(left[0].running_since >= before);
    for (const action of ['restart', 'send']) {
      await nobody.fails(409, 'M_NOT_FOUND', 'POST', at(cancelled, action), {});
    }
    await nobody.fails(404, 'M_UNRECOGNIZED', 'POST', at(restarted, 'oops'), {});
    await nobody.fails(400, 'M_MISSING_PARAM', 'POST', `${WAITING}/${restarted}`, {});
    await nobody.fails(401, 'M_MISSING_TOKEN', 'GET', WAITING);
  },
);

onServers('A delayed event that is asked for again after it was sent is not sent again', async (s) => {
  const alice = await s.person('alice');
  const room = await alice.createRoom();
  const once = () => delayed(alice, room, '/send/x.test/once', 100_000, {});
  const { delay_id: id } = await once();
  await alice.ok('POST', `${WAITING}/${id}/send`, {});
  assert.equal((await once()).delay_id, id);
  assert.deepEqual(await waiting(alice), []);
  await s.restart();
  const again = Object.assign(s.anonymous(), { token: alice.token, base: s.server.url });
  const path = again.room(room, '/send/x.test/once?org.matrix.msc4140.delay=100000');
  assert.equal((await again.ok('PUT', path, {})).delay_id, id);
  assert.deepEqual(await waiting(again), []);
});

onServers('A delayed event is found by its ID, however many wait, by its sender', async (s) => {
  const alice = await s.person('alice');
  const room = await alice.createRoom();
  const ids: string[] = [];
  for (let i = 0; i < 52; i++) {
    ids.push((await delayed(alice, room, `/send/x.test/${i}`, 100_000, {})).delay_id);
  }
  const found = async (client: TestClient, id: string) =>
    (await client.ok('GET', `${WAITING}?delay_id=${id}`)).delayed_events.map((one: Json) => one.delay_id);
  for (const id of ids) assert.deepEqual(await found(alice, id), [id]);
  assert.deepEqual(await found(alice, 'delay_unknown'), []);
  assert.deepEqual(await found(await s.person('bob'), ids[0] ?? ''), []);
});

onFederation('A delayed invite to a user of another server is sent once', async ({ a, b }) => {
  const [alice, bob] = [await a.person('alice'), await b.person('bob')];
  const room = await alice.createRoom();
  const path = `/state/m.room.member/${encodeURIComponent(bob.userId)}`;
  const { delay_id: id } = await delayed(alice, room, path, 100_000, { membership: 'invite' });
  await alice.ok('POST', `${WAITING}/${id}/send`, {});
  await bob.syncUntil(undefined, (body) => body.rooms?.invite?.[room] !== undefined);
  assert.deepEqual(await waiting(alice), []);
});

onServers('Delayed events outlive a restart, and two processes send each once', async (s) => {
  const alice = await s.person('alice');
  const room = await alice.createRoom();
  await delayed(alice, room, '/send/x.late/1', 1_000, {});
  const { next_batch: since } = await alice.sync();
  await s.restart();
  await s.another();
  const client = Object.assign(s.anonymous(), { token: alice.token, base: s.server.url });
  for (let i = 0; i < 10; i++) await delayed(client, room, `/send/x.once/${i}`, 20, {});
  while ((await waiting(client)).length > 0) await client.sync({ since });
  const chunk = (await client.ok('GET', client.room(room, '/messages?dir=b&limit=100'))).chunk as Json[];
  assert.equal(chunk.filter((event) => event.type === 'x.once').length, 10);
  assert.equal(chunk.filter((event) => event.type === 'x.late').length, 1);
  assert.deepEqual(await waiting(client), []);
});

onServers(
  'A delay has limits, and an event that may not be sent any more is dropped',
  async (s) => {
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const path = (ms: number) => bob.room(room, `/send/x.test/1?org.matrix.msc4140.delay=${ms}`);
    const body = await bob.fails(400, 'M_UNKNOWN', 'PUT', path(5_001), {});
    assert.equal(body['org.matrix.msc4140.errcode'], 'M_MAX_DELAY_EXCEEDED');
    assert.equal(body['org.matrix.msc4140.max_delay'], 5_000);
    await bob.fails(400, 'M_INVALID_PARAM', 'PUT', path(0), {});
    await bob.fails(
      400,
      'M_INVALID_PARAM',
      'PUT',
      bob.room(room, '/send/x/1?org.matrix.msc4140.delay=soon'),
      {},
    );
    const { delay_id: id } = await delayed(bob, room, '/send/x.test/2', 5_000, {});
    await bob.ok('POST', bob.room(room, '/leave'), {});
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', path(100), {});
    await bob.fails(403, 'M_FORBIDDEN', 'POST', `${WAITING}/${id}/send`, {});

    const { delay_id: other } = await delayed(alice, room, '/state/x.test/key', 5_000, { by: 'alice' });
    await bob.join(room);
    const levels = await alice.ok('GET', alice.room(room, '/state/m.room.power_levels'));
    await alice.setState(room, 'm.room.power_levels', {
      ...levels,
      users: { ...levels.users, [bob.userId]: 50 },
    });
    await bob.setState(room, 'x.test', { by: 'bob' }, 'key');
    await alice.ask('POST', `${WAITING}/${other}/send`, {});
    assert.deepEqual(await alice.ok('GET', alice.room(room, '/state/x.test/key')), { by: 'bob' });
  },
  { env: { MYELIN_DELAYED_EVENTS_LONGEST_MS: '5000' } },
);

onServers(
  'Clients learn which servers connect calls (MSC4143) [B142 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const transports = [{ type: 'livekit', livekit_service_url: 'https://rtc.example.org' }];
    for (const path of ['/v1/rtc/transports', '/unstable/org.matrix.msc4143/rtc/transports']) {
      assert.deepEqual(await alice.ok('GET', path), { rtc_transports: transports });
    }
    const wellKnown = await s.anonymous().ok('GET', '/.well-known/matrix/client');
    assert.deepEqual(wellKnown['org.matrix.msc4143.rtc_foci'], transports);
    const { unstable_features: features } = await s.anonymous().ok('GET', '/_matrix/client/versions');
    assert.equal(features['org.matrix.msc4140'], true);
  },
  {
    env: {
      MYELIN_CALLS_LIVEKIT_SERVICE_URLS: 'https://rtc.example.org',
      MYELIN_PUBLIC_BASE_URL: 'https://matrix.example.org',
    },
  },
);
