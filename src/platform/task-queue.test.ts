import assert from 'node:assert/strict';
import { test } from 'node:test';
import { QueueFull, TaskQueue } from './task-queue.ts';

test('so many tasks run, so many wait, and the next is refused', async () => {
  const queue = new TaskQueue({ atOnce: 2, waiting: 2 });
  const begun: string[] = [];
  const ends = new Map<string, (error?: Error) => void>();
  const add = (name: string) =>
    queue.run(() => {
      begun.push(name);
      return new Promise<string>((resolve, reject) => {
        ends.set(name, (error) => (error ? reject(error) : resolve(name)));
      });
    });
  const [a, b, c, d] = ['a', 'b', 'c', 'd'].map(add);
  await assert.rejects(add('e'), QueueFull);
  assert.deepEqual(begun, ['a', 'b']);
  ends.get('b')?.(new Error('failed'));
  await assert.rejects(b ?? Promise.resolve(), /failed/);
  assert.deepEqual(begun, ['a', 'b', 'c']);
  ends.get('a')?.();
  assert.equal(await a, 'a');
  ends.get('c')?.();
  ends.get('d')?.();
  assert.deepEqual(await Promise.all([c, d]), ['c', 'd']);
  const f = add('f');
  assert.deepEqual(begun, ['a', 'b', 'c', 'd', 'f']);
  ends.get('f')?.();
  assert.equal(await f, 'f');
});
