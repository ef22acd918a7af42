import assert from 'node:assert/strict';
import type { Database } from '../../../storage/database.ts';
import * as waitingStore from '../../../storage/rooms/delayed-events-store.ts';
import * as store from '../../../storage/rooms/finalised-events-store.ts';
import { UnitOfWork } from '../../../storage/unit-of-work.ts';
import type { Json, TestClient } from '../../../testing/client/test-client.ts';
import { openPlaceDatabase } from '../../../testing/server/place-database.ts';
import { onServers, type TestServer } from '../../../testing/server/test-server.ts';

const DELAYED = '/unstable/org.matrix.msc4140/delayed_events';
const FINALISED = `${DELAYED}?status=finalised`;
const LONG = 100_000;
const DAY_MS = 24 * 3_600_000;

async function schedule(
  client: TestClient,
  room: string,
  path: string,
  { delay = LONG, content = {} }: { delay?: number; content?: object } = {},
): Promise<string> {
  const at = client.room(room, `${path}?org.matrix.msc4140.delay=${delay}`);
  return (await client.ok('PUT', at, content)).delay_id;
}

async function finalised(client: TestClient): Promise<Json[]> {
  return (await client.ok('GET', FINALISED)).finalised;
}

function act(client: TestClient, id: string, action: string): Promise<Json> {
  return client.ok('POST', `${DELAYED}/${id}/${action}`, {});
}

/** The ID of the event of a type that comes to a room after a sync token. */
async function arrived(client: TestClient, since: string, room: string, type: string): Promise<string> {
  let found = '';
  await client.syncUntil(since, (body) => {
    const events: Json[] = body.rooms?.join?.[room]?.timeline?.events ?? [];
    found = events.find((event) => event.type === type)?.event_id ?? found;
    return found !== '';
  });
  return found;
}

/** Lets a test look into the database of a server. */
async function inDatabase<Result>(
  s: TestServer,
  run: (database: Database) => Promise<Result>,
): Promise<Result> {
  const database = await openPlaceDatabase(s.place);
  try {
    return await run(database);
  } finally {
    await database.close();
  }
}

function rowOf(client: TestClient, id: string, finalisedAt: number): store.FinalisedEventRow {
  const event = { room_id: '!room:test', type: 'x.test', state_key: null, content: '{}' };
  const times = { delay: 1, running_since: finalisedAt - 1, finalised_at: finalisedAt };
  return { id, user_id: client.userId, ...event, ...times, was_asked: 1, event_id: null, error: null };
}

async function keep(database: Database, rows: readonly store.FinalisedEventRow[]): Promise<void> {
  const unit = new UnitOfWork();
  for (const row of rows) store.add(unit, row);
  await database.commit(unit);
}

onServers('What became of delayed events is listed, the latest first [B142 partial]', async (s) => {
  const alice = await s.person('alice');
  const room = await alice.createRoom();
  const { next_batch: since } = await alice.sync();
  const cancelled = await schedule(alice, room, '/send/x.cancelled/1', { content: { n: 1 } });
  const asked = await schedule(alice, room, '/state/x.asked/key', { content: { n: 2 } });
  const waits = await schedule(alice, room, '/send/x.waits/1');
  await act(alice, cancelled, 'cancel');
  await act(alice, asked, 'send');
  const askedEvent = await arrived(alice, since, room, 'x.asked');
  const due = await schedule(alice, room, '/send/x.due/1', { delay: 50 });
  const dueEvent = await arrived(alice, since, room, 'x.due');

  const list = await finalised(alice);
  const outcomes = list.map(({ delayed_event: event, outcome, reason, event_id: eventId, error }) => {
    return { id: event.delay_id, outcome, reason, eventId, error };
  });
  const error = undefined;
  assert.deepEqual(outcomes, [
    { id: due, outcome: 'send', reason: 'delay', eventId: dueEvent, error },
    { id: asked, outcome: 'send', reason: 'action', eventId: askedEvent, error },
    { id: cancelled, outcome: 'cancel', reason: 'action', eventId: undefined, error },
  ]);
  for (const { origin_server_ts: at } of list) assert.ok(Math.abs(at - Date.now()) < 60_000);
  const { running_since: _, ...event } = list[1].delayed_event;
  const known = { room_id: room, type: 'x.asked', state_key: 'key', delay: LONG, content: { n: 2 } };
  assert.deepEqual(event, { delay_id: asked, ...known });

  const all = await alice.ok('GET', DELAYED);
  assert.deepEqual(all.finalised, list);
  assert.deepEqual(
    all.delayed_events.map((one: Json) => one.delay_id),
    [waits],
  );
  assert.equal((await alice.ok('GET', `${DELAYED}?status=scheduled`)).finalised, undefined);
  assert.deepEqual((await alice.ok('GET', FINALISED)).delayed_events, []);
  assert.deepEqual(await finalised(await s.person('bob')), []);
});

onServers('A delayed event is told of by its ID, whether it waits or not, to its sender', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom();
  const { next_batch: since } = await alice.sync();
  const id = await schedule(alice, room, '/state/x.test/key', { content: { n: 1 } });
  const other = await schedule(alice, room, '/send/x.test/1');
  const { delayed_since_ts: begun, ...waiting } = await alice.ok('GET', `${DELAYED}/${id}`);
  const event = { room_id: room, type: 'x.test', state_key: 'key', delay_ms: LONG, content: { n: 1 } };
  assert.deepEqual(waiting, { delay_id: id, ...event });
  await act(alice, id, 'send');
  await act(alice, other, 'cancel');
  const { finalised: sent, ...same } = await alice.ok('GET', `${DELAYED}/${id}`);
  assert.deepEqual(same, { ...waiting, delayed_since_ts: begun });
  const eventId = await arrived(alice, since, room, 'x.test');
  assert.ok(sent.finalised_ts >= begun);
  assert.deepEqual(sent, { finalised_ts: sent.finalised_ts, event_id: eventId });
  const dropped = (await alice.ok('GET', `${DELAYED}/${other}`)).finalised;
  assert.deepEqual(Object.keys(dropped), ['finalised_ts']);
  await bob.fails(404, 'M_NOT_FOUND', 'GET', `${DELAYED}/${id}`);
  await alice.fails(404, 'M_NOT_FOUND', 'GET', `${DELAYED}/delay_unknown`);

  const waits = await schedule(alice, room, '/send/x.test/2');
  const among = async (query: string) => {
    const ids = [id, other, waits].map((one) => `delay_id=${one}`).join('&');
    const body = await alice.ok('GET', `${DELAYED}?${ids}${query}`);
    return [body.delayed_events, body.finalised].map((found: Json[] | undefined) => found?.length);
  };
  assert.deepEqual(await among(''), [1, 2]);
  assert.deepEqual(await among('&status=finalised'), [0, 2]);
  assert.deepEqual(await among('&status=scheduled'), [1, undefined]);
});

onServers('A delayed event that could not be sent when it was due is kept with the error', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const { next_batch: since } = await alice.sync();
  const forbidden = await schedule(bob, room, '/state/x.test/key', { delay: 50 });
  const large = await schedule(alice, room, '/send/x.test/1', {
    delay: 50,
    content: { text: 'x'.repeat(66_000) },
  });
  await schedule(alice, room, '/send/x.after/1', { delay: 60 });
  await arrived(alice, since, room, 'x.after');

  const [failed] = await finalised(bob);
  assert.equal(failed.delayed_event.delay_id, forbidden);
  assert.deepEqual([failed.outcome, failed.reason], ['cancel', 'error']);
  assert.equal(failed.error.errcode, 'M_FORBIDDEN');
  assert.equal(failed.event_id, undefined);
  const { finalised: end } = await bob.ok('GET', `${DELAYED}/${forbidden}`);
  assert.deepEqual(end.error, failed.error);
  assert.equal((await alice.ok('GET', `${DELAYED}/${large}`)).finalised.error.errcode, 'M_TOO_LARGE');
  for (const action of ['send', 'restart']) {
    await bob.fails(409, 'M_NOT_FOUND', 'POST', `${DELAYED}/${forbidden}/${action}`, {});
  }
  await act(bob, forbidden, 'cancel');
});

onServers('A delayed event over state that another user has set since is kept with the error', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const levels = { users_default: 100 };
  const room = await alice.createRoom({ preset: 'public_chat', power_level_content_override: levels });
  await bob.join(room);
  const id = await schedule(alice, room, '/state/x.test/key', { content: { by: 'alice' } });
  await bob.setState(room, 'x.test', { by: 'bob' }, 'key');
  const refused = await alice.fails(409, 'M_UNKNOWN', 'POST', `${DELAYED}/${id}/send`, {});
  assert.equal(refused['org.matrix.msc4140.errcode'], 'M_CANCELLED_BY_STATE_UPDATE');
  assert.deepEqual((await alice.ok('GET', `${DELAYED}/${id}`)).finalised.error, refused);
  assert.deepEqual(await alice.ok('GET', alice.room(room, '/state/x.test/key')), { by: 'bob' });
});

onServers('Who asks again for what was done to a delayed event is told that it is done', async (s) => {
  const alice = await s.person('alice');
  const nobody = s.anonymous();
  const room = await alice.createRoom();
  const refuse = (id: string, action: string) =>
    nobody.fails(409, 'M_NOT_FOUND', 'POST', `${DELAYED}/${id}/${action}`, {});
  const sent = await schedule(alice, room, '/state/x.test/a');
  const cancelled = await schedule(alice, room, '/state/x.test/b');
  for (let i = 0; i < 2; i++) {
    await act(nobody, sent, 'send');
    await act(nobody, cancelled, 'cancel');
  }
  for (const action of ['cancel', 'restart']) await refuse(sent, action);
  for (const action of ['send', 'restart']) await refuse(cancelled, action);
  await nobody.ok('POST', `${DELAYED}/${sent}`, { action: 'send' });
  await nobody.fails(409, 'M_NOT_FOUND', 'POST', `${DELAYED}/${sent}`, { action: 'cancel' });
  assert.equal((await finalised(alice)).length, 2);
  for (const action of ['cancel', 'restart', 'send']) {
    await nobody.fails(404, 'M_NOT_FOUND', 'POST', `${DELAYED}/delay_unknown/${action}`, {});
  }

  const raced = await schedule(alice, room, '/state/x.test/c');
  await Promise.all(['send', 'send', 'send', 'send'].map((action) => act(nobody, raced, action)));
  const held = await schedule(alice, room, '/state/x.test/d');
  await Promise.all(['restart', 'restart', 'restart'].map((action) => act(nobody, held, action)));
  await Promise.all(['cancel', 'cancel'].map((action) => act(nobody, held, action)));
});

onServers('What became of delayed events is listed page after page', async (s) => {
  const alice = await s.person('alice');
  const room = await alice.createRoom();
  const now = Date.now();
  const rows = Array.from({ length: 120 }, (_, i) =>
    rowOf(alice, `delay_${String(i).padStart(3, '0')}`, now - 1_000 + Math.floor(i / 7)),
  );
  await inDatabase(s, (database) => keep(database, rows));
  await schedule(alice, room, '/send/x.test/1');
  const pages = async (path: string) => {
    const ids: string[] = [];
    const sizes: number[] = [];
    let from = '';
    do {
      const body = await alice.ok('GET', `${path}${from}`);
      ids.push(...body.finalised.map((one: Json) => one.delayed_event.delay_id));
      sizes.push(body.finalised.length);
      from = body.next_batch === undefined ? '' : `&from=${encodeURIComponent(body.next_batch)}`;
    } while (from !== '');
    assert.deepEqual(ids, rows.map((row) => row.id).toReversed());
    assert.deepEqual(sizes, [50, 50, 20]);
  };
  await pages(FINALISED);
  await pages(`${DELAYED}?`);
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', `${FINALISED}&from=delay_1`);
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', `${DELAYED}?from=finalised_1`);
  const token = encodeURIComponent((await alice.ok('GET', FINALISED)).next_batch);
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', `${DELAYED}?status=scheduled&from=${token}`);
});

onServers('What became of delayed events is kept for 7 days, and for 1,000 of a user', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom();
  const now = Date.now();
  const kept = (id: string) => inDatabase(s, (database) => store.byId(database, id, 0));
  await inDatabase(s, async (database) => {
    await keep(database, [
      rowOf(bob, 'delay_past', now - 7 * DAY_MS - 1_000),
      rowOf(bob, 'delay_recent', now - 6 * DAY_MS),
    ]);
    const many = Array.from({ length: 1_000 }, (_, i) => rowOf(alice, `delay_${i}`, now - DAY_MS + i));
    await keep(database, many);
  });
  assert.deepEqual(
    (await finalised(bob)).map((one) => one.delayed_event.delay_id),
    ['delay_recent'],
  );
  await bob.fails(404, 'M_NOT_FOUND', 'GET', `${DELAYED}/delay_past`);
  await bob.fails(404, 'M_NOT_FOUND', 'POST', `${DELAYED}/delay_past/cancel`, {});
  assert.ok(await kept('delay_past'));

  await act(alice, await schedule(alice, room, '/send/x.test/1'), 'cancel');
  assert.equal(await kept('delay_0'), undefined);
  assert.ok(await kept('delay_1'));

  // A server that starts forgets what is old, and one that ends waits until that is done.
  await s.restart();
  await s.restart();
  assert.equal(await kept('delay_past'), undefined);
  assert.ok(await kept('delay_recent'));
});

onServers('Delayed events of somebody who is erased are erased, and what became of others', async (s) => {
  const alice = await s.person('alice');
  const room = await alice.createRoom();
  const secret = { content: { secret: true } };
  const waits = await schedule(alice, room, '/send/x.test/1', secret);
  const cancelled = await schedule(alice, room, '/send/x.test/2', secret);
  await act(alice, cancelled, 'cancel');
  const kept = () =>
    inDatabase(s, async (database) => {
      const [waiting, end] = [
        await waitingStore.byId(database, waits),
        await store.byId(database, cancelled, 0),
      ];
      return [waiting?.id, end?.id];
    });
  assert.deepEqual(await kept(), [waits, cancelled]);
  const auth = { type: 'm.login.password', user: 'alice', password: 'alice password' };
  await alice.ok('POST', '/v3/account/deactivate', { auth, erase: true });
  assert.deepEqual(await kept(), [undefined, undefined]);
});
