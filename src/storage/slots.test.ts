import assert from 'node:assert/strict';
import { test } from 'node:test';
import { inSlots, slots } from './slots.ts';

void test('values fill the places of a statement, of which there are always as many', () => {
  assert.equal(slots(3), '?, ?, ?');
  assert.deepEqual(
    [...inSlots(['a', 'b', 'c', 'd'], 3)],
    [
      ['a', 'b', 'c'],
      ['d', 'd', 'd'],
    ],
  );
  assert.deepEqual([...inSlots([], 3)], []);
});
