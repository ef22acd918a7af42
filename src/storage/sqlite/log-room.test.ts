import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, rmSync, statSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { after, test } from 'node:test';
import { configureConnection } from './connection.ts';
import { makeRoomInLog } from './log-room.ts';

const folder = mkdtempSync(join(tmpdir(), 'myelin-log-'));
after(() => rmSync(folder, { recursive: true, force: true }));

test('room in the log changes nothing of what is in it, nor of what a crash leaves', () => {
  const path = join(folder, 'kept.db');
  const connection = opened(path);
  write(connection, 'before');
  makeRoomInLog(connection, path);
  const { size } = statSync(`${path}-wal`);
  assert.deepEqual(words(connection), ['before']);

  write(connection, 'after');
  assert.equal(statSync(`${path}-wal`).size, size, 'what is written lies within the file');
  assert.deepEqual(wordsAfterCrash(path), ['before', 'after']);
  makeRoomInLog(connection, path);
  assert.equal(statSync(`${path}-wal`).size, size);
  assert.deepEqual(wordsAfterCrash(path), ['before', 'after']);
  connection.close();
});

test('a crash before anything was written behind the room leaves an empty log', () => {
  const path = join(folder, 'empty.db');
  const connection = opened(path);
  write(connection, 'in the database');
  connection.exec('PRAGMA wal_checkpoint(TRUNCATE)');
  makeRoomInLog(connection, path);
  assert.deepEqual(wordsAfterCrash(path), ['in the database']);
  write(connection, 'in the log');
  assert.deepEqual(wordsAfterCrash(path), ['in the database', 'in the log']);
  connection.close();
});

test('no room is made while somebody else writes', () => {
  const path = join(folder, 'busy.db');
  const [one, other] = [opened(path), opened(path)];
  one.exec('PRAGMA busy_timeout = 1');
  other.exec("BEGIN IMMEDIATE; INSERT INTO words VALUES ('half')");
  assert.throws(() => makeRoomInLog(one, path), /locked/);
  other.exec('COMMIT');
  makeRoomInLog(one, path);
  assert.deepEqual(words(one), ['half']);
  one.close();
  other.close();
});

function opened(path: string): DatabaseSync {
  const connection = new DatabaseSync(path);
  configureConnection(connection);
  connection.exec('CREATE TABLE IF NOT EXISTS words (word TEXT NOT NULL)');
  return connection;
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
