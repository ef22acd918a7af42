import assert from 'node:assert/strict';
import { TestClient, type Json } from '../../testing/client/test-client.ts';
import { onServers, type TestServer } from '../../testing/server/test-server.ts';

let now = Date.now();
const overrides = { clock: { now: () => now } };
const MINUTE = 60_000;

async function presenceOf(viewer: TestClient, whose: TestClient): Promise<string> {
  return (await viewer.ok('GET', `/v3/presence/${whose.userId}/status`)).presence;
}

async function friends({ person }: TestServer): Promise<[TestClient, TestClient]> {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  return [alice, bob];
}

/** Waits for what is told to have been told: sweeps do not wait for it. */
async function until(holds: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 500; i++) if (await holds()) return;
  throw new Error('It never came to be');
}

onServers(
  'who does nothing becomes idle, and is there again with the first word [B060 partial]',
  async (s) => {
    const [alice, bob] = await friends(s);
    await bob.sync();
    assert.equal(await presenceOf(alice, bob), 'online');
    now += 6 * MINUTE;
    await bob.sync({ set_presence: 'offline' });
    await s.server.services.presence.sweep();
    await until(async () => (await presenceOf(alice, bob)) === 'offline');
    await bob.sync();
    for (let i = 0; i < 6; i++) {
      now += MINUTE / 2;
      await bob.sync({ timeout: 0 });
      now += MINUTE / 2 - 1_000;
      await bob.sync();
    }
    await s.server.services.presence.sweep();
    await until(async () => (await presenceOf(alice, bob)) === 'unavailable');
    const status = await alice.ok('GET', `/v3/presence/${bob.userId}/status`);
    assert.ok(status.last_active_ago > 5 * MINUTE);
    assert.equal(status.currently_active, undefined);
    await bob.createRoom();
    await until(async () => (await presenceOf(alice, bob)) === 'online');
    assert.equal((await alice.ok('GET', `/v3/presence/${bob.userId}/status`)).currently_active, true);
  },
  { overrides },
);

onServers(
  'who goes is away soon, though the clock was set back while they were there',
  async (s) => {
    const [alice, bob] = await friends(s);
    await bob.sync();
    assert.equal(await presenceOf(alice, bob), 'online');
    now -= 60 * MINUTE;
    await s.server.services.presence.sweep();
    assert.equal(await presenceOf(alice, bob), 'online');
    now += MINUTE;
    await s.server.services.presence.sweep();
    await until(async () => (await presenceOf(alice, bob)) === 'offline');
  },
  { overrides },
);

onServers(
  'several devices make one presence, the liveliest counts [B060 partial]',
  async (s) => {
    const [alice, laptop] = await friends(s);
    const login = await laptop.ok('POST', '/v3/login', {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'bob' },
      password: 'bob password',
    });
    const phone = new TestClient(laptop.base, login.access_token);
    await phone.sync({ set_presence: 'unavailable' });
    assert.equal(await presenceOf(alice, laptop), 'unavailable');
    await laptop.sync();
    assert.equal(await presenceOf(alice, laptop), 'online');
    await phone.sync({ set_presence: 'unavailable' });
    assert.equal(await presenceOf(alice, laptop), 'online');
    const path = `/v3/presence/${laptop.userId}/status`;
    await laptop.ok('PUT', path, { presence: 'offline', status_msg: 'out' });
    assert.equal(await presenceOf(alice, laptop), 'unavailable');
    now += MINUTE;
    await s.server.services.presence.sweep();
    await until(async () => (await presenceOf(alice, laptop)) === 'offline');
    await laptop.sync();
    const back = await alice.ok('GET', path);
    assert.deepEqual([back.presence, back.status_msg], ['online', 'out']);
  },
  { overrides },
);

onServers(
  'who does not come back after a restart is noted as absent [B060 partial]',
  async (s) => {
    const [alice, bob] = await friends(s);
    await alice.sync();
    await bob.sync();
    await s.restart();
    const again = new TestClient(s.server.url, alice.token);
    again.userId = alice.userId;
    await again.sync();
    assert.equal(await presenceOf(again, bob), 'online');
    await s.server.services.presence.removeAbsent();
    assert.equal(await presenceOf(again, bob), 'offline');
    assert.equal(await presenceOf(again, again), 'online');
  },
  { overrides },
);

onServers(
  'who is at another process is not absent, nor less there than they are [B060 partial]',
  async (s) => {
    const [alice, bob] = await friends(s);
    const other = await s.another();
    const elsewhere = new TestClient(other.url, bob.token);
    await elsewhere.sync();
    await s.server.services.presence.removeAbsent();
    assert.equal(await presenceOf(alice, bob), 'online');
    const login = await alice.ok('POST', '/v3/login', {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'bob' },
      password: 'bob password',
    });
    const second = new TestClient(s.server.url, login.access_token);
    await second.sync({ set_presence: 'unavailable' });
    await until(async () => (await presenceOf(alice, bob)) === 'online');
  },
  { overrides },
);

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

onServers('a status of the greatest length is told, and harms nobody [B060 partial]', async (server) => {
  const [alice, bob] = await friends(server);
  const { next_batch: since } = await bob.sync();
  const status = '語'.repeat(4_096);
  const path = `/v3/presence/${alice.userId}/status`;
  await Promise.all([
    ...Array.from({ length: 10 }, () => alice.ok('PUT', path, { presence: 'online', status_msg: status })),
    ...Array.from({ length: 10 }, (_, i) =>
      bob.ok('PUT', `/v3/user/${bob.userId}/account_data/org.example.${i}`, { i }),
    ),
  ]);
  const isAlice = (one: Json) => one.sender === alice.userId && one.content.status_msg !== undefined;
  const body = await bob.syncUntil(since, (one) => (one.presence?.events ?? []).some(isAlice));
  assert.equal(body.presence.events.find(isAlice).content.status_msg, status);
});

onServers(
  'a status set at one process stays when another one tells of the user [B060 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const there = new TestClient((await s.another()).url, alice.token);
    const path = `/v3/presence/${alice.userId}/status`;
    await alice.sync({ set_presence: 'online' });
    await there.ok('PUT', path, { presence: 'online', status_msg: 'at lunch' });
    await until(async () => (await alice.ok('GET', path)).status_msg === 'at lunch');
    await alice.sync({ set_presence: 'unavailable' });
    assert.equal((await alice.ok('GET', path)).status_msg, 'at lunch');
    await until(async () => (await there.ok('GET', path)).status_msg === 'at lunch');
  },
);

onServers(
  'what a device says of itself at another process holds where it was before, too [B060 partial]',
  async (s) => {
    const [alice, bob] = await friends(s);
    const other = await s.another();
    const elsewhere = new TestClient(other.url, bob.token);
    for (const presence of ['unavailable', 'offline']) {
      await bob.sync();
      assert.equal(await presenceOf(alice, bob), 'online');
      const { next_batch: since } = await alice.sync();
      await elsewhere.ok('PUT', `/v3/presence/${bob.userId}/status`, { presence });
      const isTold = (body: Json) =>
        body.presence?.events.some((one: Json) => one.sender === bob.userId) === true;
      await alice.syncUntil(since, isTold);
      for (let i = 0; i < 50; i++) assert.equal(await presenceOf(alice, bob), presence);
    }
  },
  { overrides },
);

onServers(
  'who goes from one process to another is there all the time [B060 partial]',
  async (s) => {
    const [alice, bob] = await friends(s);
    const other = await s.another();
    const told: string[] = [];
    for (const { presence } of [s.server.services, other.services]) {
      const note = presence.note.bind(presence);
      presence.note = (userId, known) => {
        if (userId === bob.userId) told.push(known.presence);
        return note(userId, known);
      };
    }
    await bob.sync();
    now += MINUTE / 3;
    await new TestClient(other.url, bob.token).sync();
    now += MINUTE / 3;
    await s.server.services.presence.sweep();
    assert.ok(!told.includes('offline'), told.join());
    assert.equal(await presenceOf(alice, bob), 'online');
    now += MINUTE;
    await other.services.presence.sweep();
    await until(async () => (await presenceOf(alice, bob)) === 'offline');
  },
  { overrides, engines: ['postgres'] },
);
