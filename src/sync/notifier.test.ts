import assert from 'node:assert/strict';
import { test } from 'node:test';
import { setImmediate } from 'node:timers/promises';
import type { RoomId, UserId } from '../protocol/identifiers.ts';
import type { Memberships } from '../rooms/membership/memberships.ts';
import type { Change, Database } from '../storage/database.ts';
import { Notifier } from './notifier.ts';

void test('what comes after a sync has looked and before it first waits ends its waiting', async () => {
  const [alice, room] = ['@alice:x' as UserId, '!room:x' as RoomId];
  const subscribers: ((changes: readonly Change[]) => void)[] = [];
  let position = 4;
  const database = {
    position: () => position,
    subscribe: (subscriber: (typeof subscribers)[number]) => subscribers.push(subscriber),
  } as unknown as Database;
  const memberships = { joined: () => Promise.resolve(new Set([room])) } as unknown as Memberships;
  const notifier = new Notifier(database, memberships);
  const stop = new AbortController();
  const happen = () => {
    position++;
    const change = { topic: 'event', position, rooms: [room], users: [], data: {} } as unknown as Change;
    for (const deliver of subscribers) deliver([change]);
  };
  const waits = async (since: number): Promise<boolean> => {
    const waiting = notifier.wait(alice, since, 60_000, stop.signal).then(() => false);
    return Promise.race([waiting, setImmediate(true)]);
  };
  const lookedUpTo = database.position();
  happen();
  assert.equal(await waits(lookedUpTo), false, 'it slept through an event');
  assert.equal(await waits(database.position()), true, 'there was nothing to wake for');
  stop.abort();
  notifier.close();
});
