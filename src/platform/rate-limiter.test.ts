import assert from 'node:assert/strict';
import { test } from 'node:test';
import { RateLimiter } from './rate-limiter.ts';

void test('a clock that is set back makes nobody wait for longer', () => {
  let now = 1_000_000_000;
  const limiter = new RateLimiter({ login: { perSecond: 1, burst: 2 } }, () => now);
  assert.equal(limiter.take('login', 'alice'), undefined);
  now -= 3_600_000;
  assert.equal(limiter.take('login', 'alice'), undefined, 'what was left is still there');
  assert.equal(limiter.take('login', 'alice'), 1_000);
  now += 1_000;
  assert.equal(limiter.take('login', 'alice'), undefined);
});
