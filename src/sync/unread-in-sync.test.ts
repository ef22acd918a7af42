import assert from 'node:assert/strict';
import { mock } from 'node:test';
import { UnreadCounts } from '../modules/push/index.ts';
import { joined } from '../testing/client/sync-body.ts';
import type { Json } from '../testing/client/test-client.ts';
import { onServers } from '../testing/server/test-server.ts';
import { allRooms, SlidingConnection } from './sliding-sync/testing/sliding-connection.ts';

onServers(
  'unread counts follow the push rules and the receipts [B061 partial] [B063]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    await bob.ok('POST', bob.room(room, `/receipt/m.read/${await alice.say(room, 'zero')}`), {});
    const second = await alice.say(room, 'one');
    await alice.say(room, 'two', { 'm.mentions': { user_ids: [bob.userId] } });
    const counts = (body: Json) => joined(body, room).unread_notifications;
    const first = await bob.sync();
    assert.deepEqual(counts(first), { notification_count: 2, highlight_count: 1 });
    await bob.ok('POST', bob.room(room, `/receipt/m.read/${second}`), {});
    const next = await bob.sync({ since: first.next_batch });
    assert.deepEqual(counts(next), { notification_count: 1, highlight_count: 1 });
    await bob.say(room, 'I am here');
    assert.deepEqual(counts(await bob.sync({ since: next.next_batch })), {
      notification_count: 0,
      highlight_count: 0,
    });
    assert.deepEqual(counts(await alice.sync()), { notification_count: 1, highlight_count: 0 });
  },
);

onServers('threads have counts of their own [B063] [B081 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const root = await bob.say(room, 'root');
  const inThread = { 'm.relates_to': { rel_type: 'm.thread', event_id: root } };
  const reply = await alice.say(room, 'in thread', inThread);
  await alice.say(room, 'in main');
  const filter = JSON.stringify({ room: { timeline: { unread_thread_notifications: true } } });
  const body = joined(await bob.sync({ filter }), room);
  assert.deepEqual(body.unread_notifications, { notification_count: 1, highlight_count: 0 });
  assert.deepEqual(body.unread_thread_notifications, {
    [root]: { notification_count: 1, highlight_count: 0 },
  });
  assert.equal(joined(await bob.sync(), room).unread_notifications?.notification_count, 2);
  await bob.ok('POST', bob.room(room, `/receipt/m.read/${reply}`), { thread_id: root });
  const after = joined(await bob.sync({ filter }), room);
  assert.equal(after.unread_thread_notifications, undefined);
  assert.equal(after.unread_notifications?.notification_count, 1);
});

onServers('an answer counts so many unread events, however many rooms have some', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  for (const name of ['first', 'second']) {
    const room = await alice.createRoom({ preset: 'public_chat', name });
    await bob.join(room);
    await Promise.all(Array.from({ length: 300 }, (_, n) => alice.say(room, String(n))));
  }
  const few = mock.method(UnreadCounts, 'budget', () => ({ left: 280, allRooms: false }));
  try {
    const { rooms } = await new SlidingConnection(bob).next(allRooms(1));
    const counted = Object.values(rooms as Record<string, Json>).map((room) =>
      Number(room.notification_count),
    );
    assert.deepEqual(counted.sort(), [250, 280]);
  } finally {
    few.mock.restore();
  }
});
