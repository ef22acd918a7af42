import assert from 'node:assert/strict';
import { test } from 'node:test';
import { simulationArguments } from './simulation-arguments.ts';

const read = (...argv: string[]) => simulationArguments(argv, ['a-bug']);

void test('the arguments of the simulation say which seeds', () => {
  const { first, count, isOne } = read('--seeds', '3', '--from', '7');
  assert.deepEqual([first, count, isOne], [7, 3, false]);
  const one = read('--seed', '5', '--plant', 'a-bug');
  assert.deepEqual([one.first, one.count, one.isOne, one.plant], [5, 1, true, 'a-bug']);
});

void test('arguments with which nothing would be simulated are refused', () => {
  for (const [argument, text, allowed] of [
    ['--seed', 'abc', 'a whole number from 0 on'],
    ['--seed', '', 'a whole number from 0 on'],
    ['--from', '1.5', 'a whole number from 0 on'],
    ['--seeds', 'x', 'a whole number from 1 on'],
    ['--seeds', '0', 'a whole number from 1 on'],
    ['--minutes', '0', 'a number above 0'],
    ['--plant', 'nosuch', 'one of a-bug'],
  ] as const) {
    assert.throws(() => read(argument, text), { message: `${argument} must be ${allowed}, not "${text}"` });
  }
});
