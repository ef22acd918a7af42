import assert from 'node:assert/strict';
import { boundedCache } from '../platform/bounded-cache.ts';
import { onBothEngines } from '../testing/server/engines.ts';
import { openPlaceDatabase } from '../testing/server/place-database.ts';
import type { Change, Database } from './database.ts';
import { ReadCache } from './read-cache.ts';
import { killListeners } from './testing/test-databases.ts';
import { UnitOfWork } from './unit-of-work.ts';

/** Tells every cache that the entries with these names are outdated. */
async function change(database: Database, ...names: string[]): Promise<void> {
  const unit = new UnitOfWork();
  unit.announce({ topic: 'profile', position: unit.position(), data: names });
  await database.commit(unit);
}

function outdatedNames({ topic, data }: Change): readonly string[] | 'all' {
  if (topic === 'session') return 'all';
  return topic === 'profile' ? (data as string[]) : [];
}

function onCache(
  title: string,
  run: (cache: ReadCache<string, string>, database: Database) => Promise<void>,
): void {
  onBothEngines(title, async (place) => {
    const database = await openPlaceDatabase(place);
    try {
      await run(new ReadCache(database, boundedCache(10), outdatedNames), database);
    } finally {
      await database.close();
    }
  });
}

/** A read that is under way until it is told what it finds. */
function openRead(): { read: () => Promise<string>; end: (value: string) => void; count: () => number } {
  const { promise, resolve } = Promise.withResolvers<string>();
  let reads = 0;
  const read = () => {
    reads += 1;
    return promise;
  };
  return { read, end: resolve, count: () => reads };
}

const never = () => Promise.reject(new Error('It was read though it is known'));

onCache('what was read is kept until it is told that it is outdated', async (cache, database) => {
  assert.equal(await cache.get('a', () => Promise.resolve('1')), '1');
  assert.equal(cache.get('a', never), '1');
  await change(database, 'b');
  assert.equal(cache.get('a', never), '1');
  await change(database, 'a');
  assert.equal(cache.known('a'), undefined);
  assert.equal(await cache.get('a', () => Promise.resolve('2')), '2');
  const unit = new UnitOfWork();
  unit.announce({ topic: 'session', position: unit.position() });
  await database.commit(unit);
  assert.equal(cache.known('a'), undefined);
});

onCache('who asks for the same at the same time waits for one read', async (cache) => {
  const { read, end, count } = openRead();
  const asked = [cache.get('a', read), cache.get('a', read)];
  end('1');
  assert.deepEqual(await Promise.all(asked), ['1', '1']);
  assert.equal(count(), 1);
});

onCache('what is outdated while it is read is not kept, and not shared', async (cache, database) => {
  const before = openRead();
  const early = cache.get('a', before.read);
  await change(database, 'a');
  const late = cache.get('a', () => Promise.resolve('new'));
  before.end('old');
  assert.equal(await early, 'old');
  assert.equal(await late, 'new');
  assert.equal(cache.known('a'), 'new');
});

onCache('a change of one entry is no reason to read another again', async (cache, database) => {
  const { read, end } = openRead();
  const asked = cache.get('a', read);
  await change(database, 'b');
  end('1');
  await asked;
  assert.equal(cache.known('a'), '1');
});

onCache('what a change tells holds, whatever is read meanwhile', async (cache) => {
  const { read, end } = openRead();
  const asked = cache.get('a', read);
  cache.set('a', 'told');
  end('read');
  assert.equal(await asked, 'read');
  assert.equal(cache.known('a'), 'told');
});

onCache('what is just being read is dropped when nobody can say whether it is outdated', async (cache) => {
  const { read, end } = openRead();
  cache.set('b', 'known');
  const asked = cache.get('a', read);
  cache.outdateReads();
  end('1');
  await asked;
  assert.deepEqual([cache.known('a'), cache.known('b')], [undefined, 'known']);
});

onCache('a read that fails is made again', async (cache) => {
  await assert.rejects(async () => cache.get('a', () => Promise.reject(new Error('no database'))), /no data/);
  assert.equal(await cache.get('a', () => Promise.resolve('1')), '1');
});

onBothEngines(
  'missed changes drop everything',
  async (place) => {
    const [database, other] = [await openPlaceDatabase(place), await openPlaceDatabase(place)];
    try {
      const cache = new ReadCache<string, string>(database, boundedCache(10), outdatedNames);
      const reset = new Promise<void>((resolve) => {
        database.subscribe((changes) => {
          if (changes.some(({ topic }) => topic === 'reset')) resolve();
        });
      });
      const { read, end } = openRead();
      cache.set('b', '1');
      const asked = cache.get('a', read);
      await other.all(killListeners);
      await reset;
      end('1');
      await asked;
      assert.deepEqual([cache.known('a'), cache.known('b')], [undefined, undefined]);
    } finally {
      await other.close();
      await database.close();
    }
  },
  ['postgres'],
);
