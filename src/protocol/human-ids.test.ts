import assert from 'node:assert/strict';
import { test } from 'node:test';
import { isHumanReadable } from './human-ids.ts';

test('names of one language are readable', () => {
  for (const name of [
    'alice',
    'Alice_2-b.c',
    'алиса',
    'Ελένη',
    '東京タワーへ',
    '서울大',
    'ěščř',
    '123',
    '',
  ]) {
    assert.ok(isHumanReadable(name), name);
  }
});

test('names that mix scripts or hold what does not show are not', () => {
  for (const name of [
    '\u0430lice',
    'pаypal',
    'Ωmega',
    'a b',
    'a\u200Bb',
    'a\u0000b',
    'a\u202Eb',
    'a\u00A0b',
    'ᎪBC',
    'a\u3164b',
  ]) {
    assert.ok(!isHumanReadable(name), JSON.stringify(name));
  }
});
