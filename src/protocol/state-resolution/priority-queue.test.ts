import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { PriorityQueue } from './priority-queue.ts';

test('hands back the least first, also when pushed to in between', () => {
  fc.assert(
    fc.property(fc.array(fc.option(fc.integer())), (steps) => {
      const queue = new PriorityQueue<number>((a, b) => a < b);
      const model: number[] = [];
      for (const step of steps) {
        if (step === null) {
          assert.equal(queue.pop(), model.shift());
        } else {
          queue.push(step);
          model.push(step);
          model.sort((a, b) => a - b);
        }
        assert.equal(queue.size, model.length);
      }
      for (const left of model) assert.equal(queue.pop(), left);
      assert.equal(queue.pop(), undefined);
    }),
  );
});
