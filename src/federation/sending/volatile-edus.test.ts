import assert from 'node:assert/strict';
import { test } from 'node:test';
import { VolatileEdus } from './volatile-edus.ts';

const NOW = 1_000;

/** Presence and receipts of 250 people, beside one who types. */
function ofMany(): VolatileEdus {
  const edus = new VolatileEdus();
  for (let i = 0; i < 250; i++) {
    const push = [{ user_id: `@u${i}:test`, presence: 'online' }];
    edus.add({ type: 'm.presence', key: `presence ${i}`, content: { push } }, NOW);
    const read = { [`@u${i}:test`]: { data: { ts: 1 }, event_ids: ['$event'] } };
    edus.add({ type: 'm.receipt', key: `receipt ${i}`, content: { '!room': { 'm.read': read } } }, NOW);
  }
  edus.add({ type: 'm.typing', key: 'typing', content: { user_id: '@u:test' } }, NOW);
  return edus;
}

/** How many people each EDU tells of. */
function countsOf(taken: ReturnType<VolatileEdus['take']>, type: string): number[] {
  const ofType = taken.filter((edu) => edu.edu_type === type);
  return ofType.map(({ content }) => {
    if (type === 'm.presence') return (content.push as unknown[]).length;
    return Object.keys((content['!room'] as { 'm.read': object })['m.read']).length;
  });
}

void test('no more is put together into one EDU than a server takes of it', () => {
  const edus = ofMany();
  const taken = edus.take(100, NOW);
  assert.deepEqual(countsOf(taken, 'm.presence'), [100, 100, 50]);
  assert.deepEqual(countsOf(taken, 'm.receipt'), [100, 100, 50]);
  assert.equal(taken.length, 7);
  assert.ok(edus.isEmpty);
});

void test('what does not go into the EDUs that may be taken stays for the next transaction', () => {
  const edus = ofMany();
  const first = edus.take(2, NOW);
  assert.deepEqual(countsOf(first, 'm.presence'), [100]);
  assert.deepEqual(countsOf(first, 'm.receipt'), [100]);
  const second = edus.take(100, NOW);
  assert.deepEqual(countsOf(second, 'm.presence'), [100, 50]);
  assert.deepEqual(countsOf(second, 'm.receipt'), [100, 50]);
});

void test('presence that tells of many people already counts as many', () => {
  const edus = new VolatileEdus();
  for (const [key, many] of [
    ['one', 30],
    ['answer', 90],
    ['other', 10],
  ] as const) {
    const push = Array.from({ length: many }, (_, i) => ({ user_id: `@${key}${i}:test` }));
    edus.add({ type: 'm.presence', key, content: { push } }, NOW);
  }
  assert.deepEqual(countsOf(edus.take(100, NOW), 'm.presence'), [30, 100]);
});
