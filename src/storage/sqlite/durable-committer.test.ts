import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { HeldDisk, replaceDiskSync } from '../../testing/server/held-disk.ts';
import type { Change } from '../database.ts';
import { MIGRATIONS } from '../migrations/index.ts';
import { openDatabase } from '../open-database.ts';
import { sql } from '../sql.ts';
import { UnitOfWork } from '../unit-of-work.ts';

const folder = mkdtempSync(join(tmpdir(), 'myelin-durable-'));
after(() => rmSync(folder, { recursive: true, force: true }));

const SCHEMA = [
  ...MIGRATIONS,
  {
    number: 1_000,
    name: 'words for tests',
    statements: ['CREATE TABLE words (word TEXT NOT NULL, at INTEGER NOT NULL)'],
  },
];
const insertWord = sql('INSERT INTO words (word, at) VALUES (?, ?)');
const readWords = sql('SELECT word FROM words ORDER BY at');
/** As large as the log is made at the start, and some more. */
const LARGEST_LOG = 40 * 1024 * 1024;

void test('a commit is answered when the disk has it, and until then it is known that it has not', async () => {
  const database = await open('held.db');
  const seen: Change[] = [];
  database.subscribe((changes) => void seen.push(...changes));
  const disk = new HeldDisk();
  let isAnswered = false;
  const committed = database.commit(word('held')).then(() => (isAnswered = true));
  await disk.somebodyWaits();
  const unsynced = database.unsynced();
  assert.ok(unsynced);
  assert.deepEqual(await database.all(readWords), [{ word: 'held' }]);
  await new Promise((resolve) => setTimeout(resolve, 20));
  assert.deepEqual([isAnswered, seen.length], [false, 0]);

  disk.release();
  await Promise.all([committed, unsynced]);
  assert.deepEqual([isAnswered, seen.length, database.unsynced()], [true, 1, undefined]);
  await database.close();
});

void test('whatever was answered is in what the disk was given before', async () => {
  const path = join(folder, 'power.db');
  const database = await open('power.db');
  const copy = join(folder, 'after-power-loss.db');
  const restore = replaceDiskSync((real, file, done) => {
    for (const end of ['', '-wal']) copyFileSync(`${path}${end}`, `${copy}${end}`);
    real(file, done);
  });
  for (let i = 0; i < 20; i++) {
    await Promise.all([database.commit(word(`${i} a`)), database.commit(word(`${i} b`))]);
    rmSync(`${copy}-shm`, { force: true });
    const left = new DatabaseSync(copy);
    assert.equal(left.prepare('SELECT count(*) AS n FROM words').get()?.n, 2 * (i + 1));
    left.close();
  }
  restore();
  await database.close();
});

void test('after the disk has refused the log nothing is committed any more', async () => {
  const database = await open('refused.db');
  const restore = replaceDiskSync((_real, _file, done) => done(new Error('EIO: i/o error, fdatasync')));
  await assert.rejects(database.commit(word('lost')), /does not take the log/);
  restore();
  await assert.rejects(database.commit(word('later')), /does not take the log/);
  await database.close();
});

void test('what another process writes is told, also where an earlier write of its was found meanwhile', async () => {
  const database = await open('told.db');
  const other = new DatabaseSync(join(folder, 'told.db'));
  const write = () =>
    other.exec(
      "BEGIN IMMEDIATE; UPDATE stream SET position = position + 1; INSERT INTO words VALUES ('x', 0); COMMIT",
    );
  const disk = new HeldDisk();
  write();
  const committed = database.commit(word('own'));
  await disk.somebodyWaits();
  write();
  await new Promise((resolve) => setTimeout(resolve, 1_200));
  disk.release();
  await committed;
  const position = Number(other.prepare('SELECT position FROM stream').get()?.position);
  const begun = performance.now();
  while (database.position() < position) {
    assert.ok(performance.now() - begun < 10_000, 'the later write is not told');
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
  other.close();
  await database.close();
});

void test('a disk that is full is what the error says, and is no unit’s fault', async () => {
  const database = await open('full.db');
  const { page_count: pages } = (await database.get<{ page_count: number }>(sql('PRAGMA page_count'))) ?? {};
  await database.all(sql(`PRAGMA max_page_count = ${pages}`));
  const large = database.commit(word('x'.repeat(500_000)));
  await Promise.all([
    assert.rejects(large, /could not commit: .*full/),
    assert.rejects(database.commit(word('small')), /could not commit: .*full/),
  ]);
  await database.all(sql('PRAGMA max_page_count = 1000000'));
  await database.commit(word('later'));
  assert.deepEqual(await database.all(readWords), [{ word: 'later' }]);
  await database.close();
});

void test('the log is written back while others write, and begun anew', async () => {
  const path = join(folder, 'long.db');
  const database = await open('long.db');
  const seen: string[] = [];
  database.subscribe((changes) => void seen.push(...changes.map(({ topic }) => topic)));
  const text = 'x'.repeat(200_000);
  for (let i = 0; i < 400; i++) await database.commit(word(`${i} ${text}`));
  assert.ok(statSync(path).size > LARGEST_LOG, 'what was written is in the database');
  assert.ok(statSync(`${path}-wal`).size < LARGEST_LOG);
  assert.deepEqual(new Set(seen), new Set(['event']), 'nobody else wrote');
  assert.equal((await database.all(readWords)).length, 400);
  await database.close();
});

void test('a commit waits for another process that writes, and the rest of the server does not', async () => {
  const database = await open('other.db');
  const other = new DatabaseSync(join(folder, 'other.db'));
  other.exec("BEGIN IMMEDIATE; INSERT INTO words VALUES ('of another process', 0)");
  let isAnswered = false;
  const committed = database.commit(word('waits')).then(() => (isAnswered = true));
  const before = performance.eventLoopUtilization();
  await new Promise((resolve) => setTimeout(resolve, 500));
  const { utilization } = performance.eventLoopUtilization(before);
  assert.deepEqual([isAnswered, database.unsynced()], [false, undefined]);
  assert.ok(utilization < 0.5, `busy for ${utilization} of the time`);
  other.exec('COMMIT');
  other.close();
  await committed;
  assert.deepEqual(await database.all(readWords), [{ word: 'of another process' }, { word: 'waits' }]);
  await database.close();
});

void test('while a unit is built exclusively no other process writes, and who is refused leaves nothing behind', async () => {
  const database = await open('alone.db');
  const other = new DatabaseSync(join(folder, 'alone.db'));
  other.exec('PRAGMA busy_timeout = 0');
  const write = () => other.exec("INSERT INTO words VALUES ('of another process', 0)");
  const refusal = new Error('refused');
  await assert.rejects(
    database.exclusive(() => {
      assert.throws(write, /locked/);
      return Promise.reject(refusal);
    }),
    refusal,
  );
  const gathered: Promise<void>[] = [];
  await database.exclusive(async () => {
    gathered.push(database.commit(word('gathered')));
    await new Promise((resolve) => setImmediate(resolve));
    assert.throws(write, /locked/);
    assert.deepEqual(await database.all(readWords), []);
    return word('alone');
  });
  await Promise.all(gathered);
  write();
  other.close();
  const words = [{ word: 'of another process' }, { word: 'alone' }, { word: 'gathered' }];
  assert.deepEqual(await database.all(readWords), words);
  await database.close();
});

function open(name: string) {
  return openDatabase({ engine: 'sqlite', path: join(folder, name) }, SCHEMA);
}

/** A unit that adds a word and tells of it. */
function word(text: string): UnitOfWork {
  const unit = new UnitOfWork();
  const position = unit.position();
  unit.run(insertWord, text, position);
  unit.announce({ topic: 'event', position });
  return unit;
}
