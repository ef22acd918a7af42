import assert from 'node:assert/strict';
import { join } from 'node:path';
import { onBothEngines } from '../testing/server/engines.ts';
import { locationOf } from '../testing/server/place-database.ts';
import { GuardFailed } from './database.ts';
import * as registrationTokensStore from './accounts/registration-tokens-store.ts';
import { MIGRATIONS } from './migrations/index.ts';
import { openDatabase } from './open-database.ts';
import * as searchStore from './rooms/search-store.ts';
import { sql } from './sql.ts';
import {
  entry,
  insertEntry,
  killListeners,
  onDatabases,
  readEntries,
  record,
  SCHEMA,
  TABLES,
  type Entry,
} from './testing/test-databases.ts';
import { UnitOfWork } from './unit-of-work.ts';

const insertCounter = sql('INSERT INTO counters (name, value) VALUES (?, 0)');
const moveCounter = sql('UPDATE counters SET value = ? WHERE name = ? AND value = ?');
const readCounter = sql('SELECT value FROM counters WHERE name = ?');

onDatabases('what was read before is there when memory was given back', 1, async ([database]) => {
  assert.ok(database);
  await database.commit(entry('kept'));
  const read = () => database.all<Entry>(readEntries);
  const before = await read();
  database.releaseMemory();
  assert.equal(before.length, 1);
  assert.deepEqual(await read(), before);
  await database.close();
  database.releaseMemory();
});

onDatabases(
  'positions are the order of commits, each change is told once and before its commit resolves',
  1,
  async ([database]) => {
    assert.ok(database);
    const { changes, ids } = record(database);
    const resolved: string[] = [];
    await Promise.all(
      Array.from({ length: 64 }, async (_, worker) => {
        for (let i = 0; i < 10; i++) {
          const unit = entry(`${worker}-${i}`);
          await database.commit(unit);
          assert.ok(ids().includes(`${worker}-${i}`));
          assert.ok(database.position() >= (unit.firstPosition ?? Infinity));
          resolved.push(`${worker}-${i}`);
        }
      }),
    );
    const rows = await database.all<Entry>(readEntries);
    assert.equal(rows.length, 640);
    assert.deepEqual(
      ids(),
      rows.map((row) => row.id),
    );
    assert.deepEqual(
      changes.map((change) => change.position),
      rows.map((row) => row.position),
    );
    assert.deepEqual(new Set(resolved), new Set(ids()));
  },
);

onDatabases('a missed guard or a failing statement undoes its unit and no other', 1, async ([database]) => {
  assert.ok(database);
  const make = new UnitOfWork();
  make.run(insertCounter, 'c');
  await database.commit(make);
  const { ids } = record(database);
  const guarded = (id: string, value: number, expected: number) => {
    const unit = entry(id);
    unit.guard(moveCounter, value, 'c', expected);
    return unit;
  };
  const twoGuards = guarded('second guard missed', 7, 1);
  twoGuards.guard(moveCounter, 9, 'none', 0);
  const broken = entry('broken');
  broken.run(insertEntry, 'first', 0);
  const results = await Promise.allSettled(
    [guarded('first', 1, 0), guarded('missed', 5, 0), twoGuards, broken, guarded('last', 2, 1)].map((unit) =>
      database.commit(unit),
    ),
  );
  assert.deepEqual(
    results.map((result) => result.status),
    ['fulfilled', 'rejected', 'rejected', 'rejected', 'fulfilled'],
  );
  assert.ok(results[1]?.status === 'rejected' && results[1].reason instanceof GuardFailed);
  assert.ok(results[2]?.status === 'rejected' && results[2].reason instanceof GuardFailed);
  assert.ok(results[3]?.status === 'rejected' && !(results[3].reason instanceof GuardFailed));
  assert.deepEqual(
    (await database.all<Entry>(readEntries)).map((row) => row.id),
    ['first', 'last'],
  );
  assert.equal((await database.get<{ value: number }>(readCounter, 'c'))?.value, 2);
  assert.deepEqual(ids(), ['first', 'last']);
});

onDatabases('an exclusive unit succeeds at once among sixty-four that compete', 1, async ([database]) => {
  assert.ok(database);
  const make = new UnitOfWork();
  make.run(insertCounter, 'c');
  await database.commit(make);
  const increase = (value: number) => {
    const unit = new UnitOfWork();
    unit.guard(moveCounter, value + 1, 'c', value);
    return unit;
  };
  await Promise.all(
    Array.from({ length: 64 }, async (_, worker) => {
      if (worker % 8 === 0) {
        await database.exclusive(async (reader) => {
          const row = await reader.get<{ value: number }>(readCounter, 'c');
          return increase(row?.value ?? -1);
        });
        return;
      }
      for (;;) {
        const row = await database.get<{ value: number }>(readCounter, 'c');
        const won = await database.commit(increase(row?.value ?? -1)).then(
          () => true,
          (error: unknown) => {
            assert.ok(error instanceof GuardFailed);
            return false;
          },
        );
        if (won) return;
      }
    }),
  );
  assert.equal((await database.get<{ value: number }>(readCounter, 'c'))?.value, 64);
});

onDatabases('what waits is committed before a database closes', 1, async ([database]) => {
  assert.ok(database);
  const commits = Array.from({ length: 300 }, (_, i) => database.commit(entry(`e${i}`)));
  const closed = database.close();
  await Promise.all([...commits, closed]);
  await assert.rejects(database.commit(entry('late')));
});

onDatabases('two processes see every change once, in one order', 2, async ([one, other]) => {
  assert.ok(one && other);
  const [seenByOne, seenByOther] = [record(one), record(other)];
  const databases = [one, other];
  await Promise.all(
    Array.from({ length: 32 }, async (_, worker) => {
      for (let i = 0; i < 10; i++) await databases[(worker + i) % 2]?.commit(entry(`${worker}-${i}`));
    }),
  );
  const rows = await one.all<Entry>(readEntries);
  const newest = rows.at(-1)?.position ?? 0;
  while (one.position() < newest || other.position() < newest)
    await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    seenByOne.ids(),
    rows.map((row) => row.id),
  );
  assert.deepEqual(
    seenByOther.ids(),
    rows.map((row) => row.id),
  );
});

onDatabases('a large batch is told in parts, as one', 2, async ([one, other]) => {
  assert.ok(one && other);
  const seen = record(other);
  const unit = new UnitOfWork();
  for (let i = 0; i < 200; i++) {
    const position = unit.position();
    unit.run(insertEntry, `e${i}`, position);
    unit.announce({ topic: 'event', position, data: { id: `e${i}`, padding: 'x'.repeat(200) } });
  }
  await one.commit(unit);
  while (other.position() < one.position()) await new Promise((resolve) => setImmediate(resolve));
  assert.equal(seen.changes.length, 200);
});

onDatabases(
  'a lost connection is made again, and everybody is told to start over',
  2,
  async ([one, other]) => {
    assert.ok(one && other);
    const { changes, ids } = record(one);
    await one.commit(entry('before'));
    const reset = new Promise<void>((resolve) => {
      one.subscribe((batch) => {
        if (batch.some((change) => change.topic === 'reset')) resolve();
      });
    });
    await other.all(killListeners);
    await reset;
    await one.commit(entry('after'));
    assert.deepEqual(
      ids().filter((id) => id !== 'undefined'),
      ['before', 'after'],
    );
    assert.equal(changes.filter((change) => change.topic === 'reset').length, 1);
  },
);

onBothEngines('a newer database and a changed migration are refused', async (place) => {
  const location = locationOf(place);
  await (await openDatabase(location, SCHEMA)).close();
  await assert.rejects(openDatabase(location, MIGRATIONS), /newer version of Myelin.*migration 1000/);
  const changed = [...MIGRATIONS, { ...TABLES, statements: [...TABLES.statements, 'SELECT 1'] }];
  await assert.rejects(openDatabase(location, changed), /Migration 1000 .* checksum differs/);
  await (await openDatabase(location, SCHEMA)).close();
});

onBothEngines(
  'registration tokens that an older version took from its configuration end',
  async (place) => {
    const location = { engine: 'sqlite', path: join(place.dataDir, 'older.db') } as const;
    const older = await openDatabase(
      location,
      MIGRATIONS.filter(({ number }) => number !== 80),
    );
    const unit = new UnitOfWork();
    registrationTokensStore.insert(unit, 'configured', { uses: undefined, expiresAt: undefined });
    registrationTokensStore.insert(unit, 'twice', { uses: 2, expiresAt: undefined });
    registrationTokensStore.insert(unit, 'for a while', { uses: undefined, expiresAt: 10 });
    await older.commit(unit);
    await older.close();
    const database = await openDatabase(location);
    const usable = (token: string) => registrationTokensStore.isUsable(database, token, 5);
    const all = ['configured', 'twice', 'for a while'];
    assert.deepEqual(await Promise.all(all.map(usable)), [false, true, true]);
    await database.close();
  },
  // Places of tests on PostgreSQL come with the schema of today.
  ['sqlite'],
);

onBothEngines('what an older search index held is indexed anew, where its form changed', async (place) => {
  // Places of tests come with the schema of today; that of PostgreSQL did not change.
  const today = locationOf(place);
  const location = today.engine === 'sqlite' ? { ...today, path: join(place.dataDir, 'older.db') } : today;
  const older = await openDatabase(
    location,
    MIGRATIONS.filter(({ number }) => number !== 71),
  );
  const unit = new UnitOfWork();
  searchStore.advance(unit, 0, 5);
  await older.commit(unit);
  await older.close();
  const database = await openDatabase(location);
  assert.equal(await searchStore.progress(database), database.engine === 'sqlite' ? 0 : 5);
  const terms = searchStore.searchTerms(database);
  const again = new UnitOfWork();
  const replaceKeys = await terms.replacing(database, [3, -4]);
  replaceKeys(again, 3, [10, 2 ** 53 - 1]);
  replaceKeys(again, -4, [10]);
  await database.commit(again);
  assert.deepEqual(await terms.matches(database, [10], 100, 5), [3, -4]);
  assert.deepEqual(await terms.matches(database, [2 ** 53 - 1, 10], 100, 5), [3]);
  const last = new UnitOfWork();
  const replaceAgain = await terms.replacing(database, [3, -4]);
  replaceAgain(last, 3, [11]);
  replaceAgain(last, -4, []);
  await database.commit(last);
  assert.deepEqual(await terms.matches(database, [10], 100, 5), []);
  assert.equal(await terms.count(database, [11], 5), 1);
  await database.close();
});
