import assert from 'node:assert/strict';
import { test } from 'node:test';
import { UnitOfWork } from '../unit-of-work.ts';
import { entry, onDatabases, record } from '../testing/test-databases.ts';
import { changesOf, NoticeAssembly, packNotice } from './notices.ts';

/** What takes many bytes, or has characters that a notice may end within. */
const LONG = [
  'x'.repeat(40_000),
  '\u0001'.repeat(9_000),
  'a語'.repeat(9_000),
  '🙂'.repeat(9_000),
  '\ud83d'.repeat(9_000),
  '\n "\\'.repeat(9_000),
];

void test('notices of a batch are small, none is as another, and together they say what they were made of', () => {
  const changes = LONG.map((text, i) => ({
    topic: 'presence' as const,
    position: i,
    rooms: [],
    users: [],
    data: { text },
  }));
  const payloads = packNotice({ process: 'p', batch: 3, newest: 7 }, changes);
  assert.ok(payloads.every((payload) => Buffer.byteLength(payload) < 8_000));
  assert.equal(new Set(payloads).size, payloads.length);
  const assembly = new NoticeAssembly();
  for (const payload of payloads.slice(0, -1)) assert.equal(assembly.add(payload), undefined);
  const notice = assembly.add(payloads.at(-1) ?? '');
  assert.ok(notice);
  assert.deepEqual([notice.process, notice.batch, notice.newest], ['p', 3, 7]);
  assert.deepEqual(
    changesOf(notice),
    changes.map((change) => ({ ...change, isOwn: false })),
  );
});

onDatabases('a change of any size is told, and harms nothing beside it', 2, async ([one, other]) => {
  assert.ok(one && other);
  const seen = record(other);
  const units = LONG.map((text, i) => {
    const unit = new UnitOfWork();
    unit.announce({ topic: 'presence', position: unit.position(), data: { id: `long ${i}`, text } });
    return unit;
  });
  await Promise.all(units.flatMap((unit, i) => [one.commit(entry(`${i}`)), one.commit(unit)]));
  while (other.position() < one.position()) await new Promise((resolve) => setImmediate(resolve));
  assert.deepEqual(
    seen.ids(),
    LONG.flatMap((_, i) => [`${i}`, `long ${i}`]),
  );
  const texts = seen.changes.flatMap(({ topic, data }) =>
    topic === 'presence' ? [(data as { text: string }).text] : [],
  );
  assert.deepEqual(texts, LONG);
});
