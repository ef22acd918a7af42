import assert from 'node:assert/strict';
import { test } from 'node:test';
import { serialize } from 'node:v8';
import { sql } from '../sql.ts';
import { UnitOfWork } from '../unit-of-work.ts';
import { packBatch } from './batch.ts';

const insert = sql('INSERT INTO things (bytes) VALUES (?)');

test('a few bytes travel to the writer without the memory that they share with others', () => {
  const bytes = Buffer.from('a few of many');
  assert.ok(bytes.buffer.byteLength > 1_000, 'small buffers share memory');
  const unit = new UnitOfWork();
  unit.run(insert, bytes);
  const batch = packBatch([unit], new Set());
  assert.deepEqual(batch.units[0]?.writes[0]?.[1], [new Uint8Array(bytes)]);
  assert.ok(serialize(batch).length < 1_000);
});
