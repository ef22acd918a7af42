import assert from 'node:assert/strict';
import { describe, it } from 'node:test';
import { UsedLately } from './used-lately.ts';

describe('what was used lately', () => {
  it('is kept for as long as it is used, and goes when others are', () => {
    const cache = new UsedLately<string, number>(1_000, 10);
    cache.set('used', 1);
    cache.set('left', 2);
    for (let i = 0; i < 100; i++) assert.equal(cache.get('used'), 1);
    assert.equal(cache.get('left'), undefined);
    assert.deepEqual([...cache.values()], [1]);
  });

  it('is kept through as many uses of others as it says', () => {
    const cache = new UsedLately<string, number>(1_000, 10);
    cache.set('a', 1);
    for (let i = 0; i < 9; i++) cache.get('b');
    assert.equal(cache.get('a'), 1);
    for (let i = 0; i < 9; i++) cache.get('b');
    assert.equal(cache.peek('a'), 1);
    assert.equal(cache.get('a'), 1);
  });

  it('is no more than so many entries, the newest of them', () => {
    const cache = new UsedLately<number, number>(100, 1_000_000);
    for (let i = 0; i < 1_000; i++) cache.set(i, i);
    assert.ok([...cache.values()].length <= 100);
    for (let i = 950; i < 1_000; i++) assert.equal(cache.peek(i), i);
  });

  it('is there once, and gone when it is deleted', () => {
    const cache = new UsedLately<string, number>(2, 1_000_000);
    cache.set('a', 1);
    cache.set('b', 2);
    assert.equal(cache.get('a'), 1);
    cache.set('a', 3);
    assert.equal(cache.peek('a'), 3);
    cache.delete('a');
    assert.equal(cache.peek('a'), undefined);
  });
});
