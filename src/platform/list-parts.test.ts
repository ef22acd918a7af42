import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inParts, inTurns } from './list-parts.ts';

void test('a list is cut into parts, in its order', () => {
  assert.deepEqual([...inParts([1, 2, 3, 4, 5], 2)], [[1, 2], [3, 4], [5]]);
  assert.deepEqual([...inParts([1, 2], 2)], [[1, 2]]);
  assert.deepEqual([...inParts([], 2)], []);
});

void test('between two parts whatever else waits has its turn', async () => {
  const happened: unknown[] = [];
  setImmediate(() => happened.push('other'));
  for await (const part of inTurns([1, 2, 3], 2)) happened.push(part);
  assert.deepEqual(happened, [[1, 2], 'other', [3]]);
});
