import assert from 'node:assert/strict';
import { pino } from 'pino';
import { loadConfig } from './platform/config/load-config.ts';
import { buildServer } from './server.ts';
import type { Database, SqlValue, Statement } from './storage/database.ts';
import { TestClient } from './testing/client/test-client.ts';
import { onBothEngines } from './testing/server/engines.ts';
import { openPlaceDatabase } from './testing/server/place-database.ts';
import { FAST } from './testing/server/test-server.ts';

/** A database on a disk that can be full, or broken where presence is. */
function onDisk(database: Database, disk: { isFull: boolean; isBroken: boolean }): Database {
  return new Proxy(database, {
    get(target, name: keyof Database) {
      if (name === 'commit' && disk.isFull) return () => Promise.reject(new Error('The disk is full'));
      if (name === 'get' && disk.isBroken) {
        return (statement: Statement, ...parameters: SqlValue[]) =>
          statement.text.includes('FROM presence')
            ? Promise.reject(new Error('The disk is broken'))
            : target.get(statement, ...parameters);
      }
      const found: unknown = target[name];
      return typeof found === 'function' ? (found.bind(target) as unknown) : found;
    },
  });
}

onBothEngines(
  'while nothing can be written, people sync, and what that changes is made up for',
  async (place) => {
    const disk = { isFull: false, isBroken: false };
    const database = await openPlaceDatabase(place);
    let now = Date.now();
    const config = loadConfig({ env: { ...FAST, ...place.env } });
    const problems: string[] = [];
    const log = pino({ level: 'error' }, { write: (line: string) => void problems.push(line) });
    const overrides = { log, clock: { now: () => now } };
    const built = await buildServer(onDisk(database, disk), config, overrides);
    const url = await built.app.listen({ host: '127.0.0.1', port: 0 });
    try {
      const [alice, bob] = [
        await new TestClient(url).register('alice'),
        await new TestClient(url).register('bob'),
      ];
      const room = await alice.createRoom({ preset: 'public_chat' });
      await bob.join(room);
      await alice.ok('PUT', '/v3/sendToDevice/org.example.test/1', {
        messages: { [bob.userId]: { '*': { first: true } } },
      });
      const presenceOfBob = async () =>
        (await alice.ok('GET', `/v3/presence/${bob.userId}/status`)).presence as string;
      const presence = built.homeserver?.services.presence;
      assert.ok(presence);

      disk.isFull = true;
      const first = await bob.sync();
      assert.equal(first.to_device.events.length, 1);
      const second = await bob.sync({ since: first.next_batch });
      assert.equal(second.to_device, undefined, 'what the device has');
      assert.equal(await presenceOfBob(), 'offline');
      // The presence at either sync, and the messages that the second one is to delete.
      assert.equal(problems.filter((line) => line.includes('could not be kept')).length, 3);
      disk.isFull = false;
      await bob.sync({ since: second.next_batch });
      assert.equal(await presenceOfBob(), 'online');
      assert.equal((await bob.sync()).to_device, undefined, 'it was deleted after all');

      now += 3_600_000;
      disk.isFull = true;
      await presence.sweep().catch(() => 'of several processes, it is asked first who is at another');
      assert.equal(await presenceOfBob(), 'online');
      disk.isFull = false;
      await presence.sweep();
      assert.equal(await presenceOfBob(), 'offline');

      const carol = await new TestClient(url).register('carol');
      await carol.join(room);
      disk.isBroken = true;
      const { next_batch: since } = await carol.sync();
      disk.isBroken = false;
      await carol.sync({ since });
      const ofCarol = await alice.ok('GET', `/v3/presence/${carol.userId}/status`);
      assert.equal(ofCarol.presence, 'online', 'though what was known could not be read when she came');
    } finally {
      built.stopping.abort();
      await built.app.close();
      await built.homeserver?.stop();
      await built.foundations.close();
      await database.close();
    }
  },
);
