import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { configureConnection } from './connection.ts';
import { WriteAheadLog } from './write-ahead-log.ts';

const folder = mkdtempSync(join(tmpdir(), 'myelin-log-'));
after(() => rmSync(folder, { recursive: true, force: true }));

void test('room in the log changes nothing of what is in it, nor of what a crash leaves', async () => {
  const { path, connection, log } = opened('kept.db');
  write(connection, 'before');
  await log.makeRoom();
  const { size } = statSync(`${path}-wal`);
  assert.deepEqual(words(connection), ['before']);

  write(connection, 'after');
  assert.equal(statSync(`${path}-wal`).size, size, 'what is written lies within the file');
  assert.deepEqual(wordsAfterCrash(path), ['before', 'after']);
  await log.makeRoom();
  assert.equal(statSync(`${path}-wal`).size, size);
  assert.deepEqual(wordsAfterCrash(path), ['before', 'after']);
  log.close();
  connection.close();
});

void test('a crash before anything was written behind the room leaves an empty log', async () => {
  const { path, connection, log } = opened('empty.db');
  write(connection, 'in the database');
  connection.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  await log.makeRoom();
  assert.deepEqual(wordsAfterCrash(path), ['in the database']);
  write(connection, 'in the log');
  assert.deepEqual(wordsAfterCrash(path), ['in the database', 'in the log']);
  log.close();
  connection.close();
});

void test('it is known how many pages the log holds since it was begun anew', async () => {
  const { connection, log } = opened('pages.db');
  connection.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  assert.deepEqual([log.beginning(), log.holds(1)], [undefined, false]);
  await log.makeRoom();
  assert.equal(log.holds(1), false, 'zeros are no pages');
  for (const word of ['one', 'two', 'three']) write(connection, word);
  const beginning = log.beginning();
  assert.deepEqual([log.holds(3), log.holds(4)], [true, false]);

  connection.exec('PRAGMA wal_checkpoint(PASSIVE)');
  write(connection, 'the first page of the next log');
  assert.notEqual(log.beginning(), beginning);
  assert.deepEqual([log.holds(1), log.holds(2)], [true, false], 'what is behind it is of the last one');
  log.close();
  connection.close();
});

function opened(name: string) {
  const path = join(folder, name);
  const connection = new DatabaseSync(path);
  configureConnection(connection);
  connection.exec('CREATE TABLE IF NOT EXISTS words (word TEXT NOT NULL)');
  return { path, connection, log: new WriteAheadLog(path) };
}

function write(connection: DatabaseSync, word: string): void {
  connection.prepare('INSERT INTO words VALUES (?)').run(word);
}

function words(connection: DatabaseSync): unknown[] {
  return connection
    .prepare('SELECT word FROM words ORDER BY rowid')
    .all()
    .map(({ word }) => word);
}

/** What is found when the files as they are now are opened by somebody who knows nothing else. */
function wordsAfterCrash(path: string): unknown[] {
  const copy = join(folder, 'crashed.db');
  for (const end of ['', '-wal']) copyFileSync(`${path}${end}`, `${copy}${end}`);
  rmSync(`${copy}-shm`, { force: true });
  const connection = new DatabaseSync(copy);
  const found = words(connection);
  connection.close();
  return found;
}
