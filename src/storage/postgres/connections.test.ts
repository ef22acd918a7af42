import assert from 'node:assert/strict';
import { sql } from '../sql.ts';
import { UnitOfWork } from '../unit-of-work.ts';
import { entry, onDatabases, record } from '../testing/test-databases.ts';

const countConnections = sql(
  'SELECT CAST(COUNT(*) AS INTEGER) AS count FROM pg_stat_activity WHERE datname = current_database()',
);
/** The pool of each process in a test, and two more. */
const MOST = 4 + 2;

onDatabases('however many write alone, processes keep to their connections', 2, async (databases) => {
  const counts: number[] = [];
  await Promise.all(
    databases.flatMap((database, i) =>
      Array.from({ length: 64 }, async (_, j) => {
        await database.exclusive(async (reader) => {
          counts.push((await reader.get<{ count: number }>(countConnections))?.count ?? Infinity);
          return entry(`${i} alone ${j}`);
        });
        await database.commit(entry(`${i} beside ${j}`));
      }),
    ),
  );
  assert.equal(counts.length, 128);
  assert.ok(Math.max(...counts) <= 2 * MOST, `there were ${Math.max(...counts)} connections at once`);
});

onDatabases('one who is refused alone is undone, and holds up nobody', 2, async ([one, other]) => {
  assert.ok(one && other);
  const { ids } = record(other);
  const refused = one.exclusive(() => Promise.reject(new Error('refused')));
  const broken = one.exclusive(() => {
    const unit = new UnitOfWork();
    unit.run(sql('INSERT INTO entries (id, position) VALUES (NULL, 0)'));
    return Promise.resolve(unit);
  });
  const alone = one.exclusive(() => Promise.resolve(entry('alone')));
  await Promise.all([assert.rejects(refused, /refused/), assert.rejects(broken), alone]);
  await other.commit(entry('after'));
  assert.deepEqual(ids(), ['alone', 'after']);
});
