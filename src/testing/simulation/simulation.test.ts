import assert from 'node:assert/strict';
import test from 'node:test';
import { PLANTS } from './plants.ts';
import { simulate } from './run.ts';

/** Seeds, of which the last is for twenty servers. */
const SEEDS = Array.from({ length: 20 }, (_, i) => i + 1);
/** Seeds after which a planted bug must have been found, and the first that is tried: one of few servers. */
const TRIES = 6;
const FIRST = 6;

for (const seed of SEEDS) {
  test(`servers agree and lose nothing after everything that goes wrong by seed ${seed} [A121]`, async () => {
    const { broken } = await simulate(seed);
    assert.deepEqual(broken, [], `npm run test:simulation -- --seed ${seed}`);
  });
}

test('the same seed does the same again', async () => {
  const size = { servers: 3, rooms: 1, steps: 25 };
  const [one, other] = [await simulate(3, { size }), await simulate(3, { size })];
  assert.deepEqual(one.trace, other.trace);
  assert.ok(one.trace.length > 50, one.trace.join('\n'));
});

const FOUND: Readonly<Record<string, RegExp>> = {
  'auth-rule': /which nobody was allowed to do, is to be seen/,
  'queue-persistence': /taken before a crash of .*, never came to/,
  'fork-handling': /^The state of .* is not that at /,
};

for (const [name, plant] of Object.entries(PLANTS)) {
  test(`a planted bug is found: ${name}`, async () => {
    for (let seed = FIRST; seed < FIRST + TRIES; seed++) {
      const { broken } = await simulate(seed, { plant });
      if (broken.some((line) => FOUND[name]?.test(line))) return;
    }
    assert.fail(`No simulation of ${TRIES} found it`);
  });
}
