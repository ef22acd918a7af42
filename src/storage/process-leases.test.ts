import assert from 'node:assert/strict';
import type { ServerName } from '../protocol/identifiers.ts';
import { HandTimers } from '../testing/server/hand-timers.ts';
import type { Database } from './database.ts';
import * as outgoingStore from './federation/outgoing-store.ts';
import { ProcessLeases } from './process-leases.ts';
import { onDatabases } from './testing/test-databases.ts';
import type { UnitOfWork } from './unit-of-work.ts';

/** A database whose commits wait while the test says so. */
function slowed(database: Database): { database: Database; hold(): () => void } {
  let free = Promise.resolve();
  const commit = async (unit: UnitOfWork) => {
    await free;
    await database.commit(unit);
  };
  const slow = new Proxy(database, {
    get(target, key) {
      if (key === 'commit') return commit;
      const value: unknown = Reflect.get(target, key, target);
      return typeof value === 'function' ? (value.bind(target) as unknown) : value;
    },
  });
  const hold = () => {
    const { promise, resolve } = Promise.withResolvers<void>();
    free = promise;
    return resolve;
  };
  return { database: slow, hold };
}

onDatabases('a lease that was prolonged too late is not kept, and others are', 2, async ([one, other]) => {
  assert.ok(one && other);
  let now = 0;
  const clock = { now: () => now };
  const slow = slowed(one);
  const timers = new HandTimers();
  const first = new ProcessLeases<ServerName>(outgoingStore, {
    ...{ database: slow.database, clock, timers, processId: 'first' },
  });
  const second = new ProcessLeases<ServerName>(outgoingStore, {
    ...{ database: other, clock, timers: new HandTimers(), processId: 'second' },
  });
  /** Prolongs the leases of the first process, up to when that is to be done again. */
  const prolong = async () => {
    timers.go();
    while (!timers.isWaiting) await new Promise((resolve) => setImmediate(resolve));
  };
  const [taken, kept] = ['taken.test' as ServerName, 'kept.test' as ServerName];
  assert.ok(await first.claim(taken));
  now = 5_000;
  assert.ok(await first.claim(kept));
  now = 12_000;
  const release = slow.hold();
  const prolonged = prolong();
  now = 16_000;
  assert.ok(await second.claim(taken), 'its time has run out');
  release();
  await prolonged;
  assert.ok(second.holds(taken));
  assert.deepEqual([first.holds(taken), first.holds(kept)], [false, true]);
  now = 20_000;
  await prolong();
  assert.deepEqual([first.holds(taken), first.holds(kept)], [false, true]);
  assert.equal(await first.claim(taken), false);
});

onDatabases('a lease that was given too late is not taken', 2, async ([one, other]) => {
  assert.ok(one && other);
  let now = 0;
  const clock = { now: () => now };
  const slow = slowed(one);
  const leases = new ProcessLeases<ServerName>(outgoingStore, {
    ...{ database: slow.database, clock, timers: new HandTimers(), processId: 'first' },
  });
  const name = 'remote.test' as ServerName;
  const release = slow.hold();
  const claimed = leases.claim(name);
  now = 15_000;
  release();
  assert.equal(await claimed, false);
  assert.ok(!leases.holds(name));
  assert.ok(await leases.claim(name), 'it is free');
});
