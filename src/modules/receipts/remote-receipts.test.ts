import assert from 'node:assert/strict';
import type { Json } from '../../testing/client/test-client.ts';
import { ephemeral } from '../../testing/client/sync-body.ts';
import { withBob, edu } from '../../testing/federation/remote-room-mate.ts';

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
  const last = await alice.say(roomId, 'and this at last');
  const { next_batch: before } = await alice.sync();
  await remote.sendEdus(a.name, {
    edu_type: 'm.receipt',
    content: { [roomId]: { 'm.read': { [bob]: { data: { ts: 1e300 }, event_ids: [last] } } } },
  });
  const timed = await alice.syncUntil(before, (one) => ephemeral(one, roomId, 'm.receipt') !== undefined);
  const { ts } = ephemeral(timed, roomId, 'm.receipt').content[last]['m.read'][bob];
  assert.ok(Number.isSafeInteger(ts), 'a time that clients can read');
});
