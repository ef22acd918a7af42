import assert from 'node:assert/strict';
import { onFederation } from '../testing/federation/federation.ts';
import { TestClient, type Json } from '../testing/client/test-client.ts';
import { onServers } from '../testing/server/test-server.ts';
import { allRooms, SlidingConnection } from './sliding-sync/testing/sliding-connection.ts';

const EXTENSION = 'org.matrix.msc4354.sticky_events';
let sent = 0;

/** Sends an event that is sticky for a time, in ms. */
async function stick(person: TestClient, room: string, n: number, ms = 600_000): Promise<string> {
  sent += 1;
  const path = `/send/org.example.here/s${sent}?org.matrix.msc4354.sticky_duration_ms=${ms}`;
  return (await person.ok('PUT', person.room(room, path), { n })).event_id;
}

/** The numbers of the sticky events that a sync has beside the timeline of a room. */
function sticky(body: Json, room: string): number[] {
  const events: Json[] = body.rooms?.join?.[room]?.msc4354_sticky?.events ?? [];
  return events.map((event) => event.content.n);
}

onServers(
  'sticky events come however much was said since, once, and as long as they are sticky [B142]',
  async (s) => {
    const [alice, bob] = [await s.person('alice'), await s.person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const { next_batch: since } = await bob.sync();
    await stick(alice, room, 1);
    const seen = await bob.sync({ since });
    const [shown] = seen.rooms.join[room].timeline.events;
    assert.deepEqual(shown.msc4354_sticky, { duration_ms: 600_000 });
    assert.ok(shown.unsigned.msc4354_sticky_duration_ttl_ms > 500_000);
    assert.deepEqual(sticky(seen, room), [], 'what the timeline has is told once');
    await stick(alice, room, 2);
    await stick(alice, room, 3, 1);
    for (let i = 0; i < 12; i++) await alice.say(room, `m${i}`);
    const gap = await bob.sync({ since: seen.next_batch });
    assert.deepEqual(sticky(gap, room), [2]);
    const [event] = gap.rooms.join[room].msc4354_sticky.events;
    assert.deepEqual(event.msc4354_sticky, { duration_ms: 600_000 });
    assert.ok(event.unsigned.msc4354_sticky_duration_ttl_ms > 500_000);
    assert.equal(sticky(await bob.sync({ since: gap.next_batch }), room).length, 0);
    assert.deepEqual(sticky(await bob.sync(), room), [1, 2], 'an initial sync has all');
    const filter = JSON.stringify({ room: { timeline: { types: ['m.room.message'] } } });
    await stick(alice, room, 4);
    assert.deepEqual(sticky(await bob.sync({ since: gap.next_batch, filter }), room), [4]);
    const other = new TestClient((await s.another()).url, bob.token);
    await other.syncUntil(gap.next_batch, (body) => body.rooms?.join?.[room] !== undefined);
    assert.deepEqual(sticky(await other.sync({ filter }), room), [1, 2, 4], 'in every process');
  },
);

onServers(
  'who joins gets what is sticky, from before and whoever may see history [B142 partial]',
  async (s) => {
    const [alice, bob] = [await s.person('alice'), await s.person('bob')];
    const hidden = {
      type: 'm.room.history_visibility',
      state_key: '',
      content: { history_visibility: 'joined' },
    };
    const room = await alice.createRoom({ preset: 'public_chat', initial_state: [hidden] });
    await stick(alice, room, 1);
    const gone = await stick(alice, room, 2);
    await alice.ok('PUT', alice.room(room, `/redact/${gone}/r`), {});
    const { next_batch: since } = await bob.sync();
    await bob.join(room);
    assert.deepEqual(sticky(await bob.sync({ since }), room), [1], 'one that was redacted is sticky no more');
    const type = 'm.ignored_user_list';
    const ignoring = { ignored_users: { [alice.userId]: {} } };
    await bob.ok('PUT', `/v3/user/${bob.userId}/account_data/${type}`, ignoring);
    assert.deepEqual(sticky(await bob.sync(), room), []);
    await s.restart();
    const again = new TestClient(s.server.url, alice.token);
    const carol = await s.person('carol');
    await carol.join(room);
    assert.deepEqual(sticky(await carol.sync(), room), [1], 'also after a restart');
    await again.fails(
      400,
      'M_INVALID_PARAM',
      'PUT',
      again.room(room, '/send/x/1?org.matrix.msc4354.sticky_duration_ms=3600001'),
      {},
    );
  },
);

onServers(
  'state and delayed events can be sticky, and the same state again is told again [B142 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const room = await alice.createRoom();
    const query = 'org.matrix.msc4354.sticky_duration_ms=60000';
    const set = async () =>
      (await alice.ok('PUT', alice.room(room, `/state/org.example/k?${query}`), { n: 7 })).event_id;
    assert.notEqual(await set(), await set());
    const { next_batch: since } = await alice.sync();
    await alice.ok('PUT', alice.room(room, `/send/org.example/d?${query}&org.matrix.msc4140.delay=50`), {
      n: 8,
    });
    const body = await alice.syncUntil(since, (one) => one.rooms?.join?.[room] !== undefined);
    const [event] = body.rooms.join[room].timeline.events;
    assert.deepEqual([event.content.n, event.msc4354_sticky], [8, { duration_ms: 60_000 }]);
  },
);

onServers('sliding sync tells of sticky events of all rooms, page by page [B142 partial]', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  const rooms = [
    await alice.createRoom({ preset: 'public_chat' }),
    await alice.createRoom({ preset: 'public_chat' }),
  ];
  const [one = '', other = ''] = rooms;
  for (const room of rooms) await bob.join(room);
  await stick(alice, one, 1);
  await stick(alice, other, 2);
  const sliding = new SlidingConnection(bob, 'calls');
  const wishes = (since?: string, limit?: number) => ({
    ...allRooms(0),
    extensions: {
      [EXTENSION]: { enabled: true, ...(since === undefined ? {} : { since }), ...(limit ? { limit } : {}) },
    },
  });
  const numbers = (body: Json): number[] =>
    Object.values<Json>(body.extensions[EXTENSION]?.rooms ?? {})
      .flatMap((room) => room.events as Json[])
      .map((event) => event.content.n as number);
  const first = await sliding.next(wishes());
  assert.deepEqual(numbers(first).sort(), [1, 2]);
  const since = first.extensions[EXTENSION].next_batch as string;
  assert.equal((await sliding.next(wishes(since))).extensions[EXTENSION], undefined);
  for (const n of [3, 4, 5]) await stick(alice, n === 4 ? other : one, n);
  const some = await sliding.next(wishes(since, 2));
  assert.deepEqual(numbers(some).sort(), [3, 4]);
  const rest = await sliding.next(wishes(some.extensions[EXTENSION].next_batch, 2));
  assert.deepEqual(numbers(rest), [5]);
});

onServers('sliding sync goes on behind sticky events of ignored users [B142 partial]', async (s) => {
  const [alice, bob, carol] = [await s.person('alice'), await s.person('bob'), await s.person('carol')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  for (const client of [bob, carol]) await client.join(room);
  await bob.ok('PUT', `/v3/user/${bob.userId}/account_data/m.ignored_user_list`, {
    ignored_users: { [carol.userId]: {} },
  });
  await stick(alice, room, 1);
  const sliding = new SlidingConnection(bob, 'calls');
  const page = async (since?: string): Promise<Json> => {
    const extension = { enabled: true, limit: 1, ...(since === undefined ? {} : { since }) };
    const body = await sliding.next({ ...allRooms(0), extensions: { [EXTENSION]: extension } });
    return body.extensions[EXTENSION];
  };
  const first = await page();
  await stick(carol, room, 2);
  await stick(alice, room, 3);
  const ignored = await page(first.next_batch);
  assert.deepEqual(ignored.rooms, {});
  const { rooms } = await page(ignored.next_batch);
  assert.deepEqual(
    rooms[room].events.map((event: Json) => event.content.n),
    [3],
  );
});

onFederation('what is sticky is so on other servers, too [B142 partial]', async ({ a, b }) => {
  const [alice, bob] = [await a.person('alice'), await b.person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room, a.name);
  const { next_batch: since } = await bob.sync();
  const event = await stick(alice, room, 1);
  const isThere = (one: Json) => one.event_id === event;
  await bob.syncUntil(since, (body) => (body.rooms?.join?.[room]?.timeline?.events ?? []).some(isThere));
  for (let i = 0; i < 12; i++) await bob.say(room, `m${i}`);
  assert.deepEqual(sticky(await bob.sync({ since }), room), [1]);
});
