import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { parseStrictJson } from './strict-json.ts';

const badJson = { status: 400, errcode: 'M_BAD_JSON' };

test('refuses numbers that canonical JSON would write otherwise', () => {
  const literals = [
    '1.0',
    '1e3',
    '1E3',
    '-0',
    '-0.0',
    '0.5',
    '9007199254740992',
    '-9007199254740992',
    '1e400',
    '-1.5',
  ];
  for (const literal of literals) {
    for (const text of [literal, `[${literal}]`, `{"a": ${literal}}`, `{"a":[1,\n\t${literal} ]}`]) {
      assert.throws(() => parseStrictJson(text), badJson, text);
    }
  }
});

test('accepts integers in range and strings that look like floats', () => {
  assert.deepEqual(parseStrictJson('{"a":[0,-1,9007199254740991],"b":"x: 1.0, 1e3, -0","c":": -0"}'), {
    a: [0, -1, 9007199254740991],
    b: 'x: 1.0, 1e3, -0',
    c: ': -0',
  });
});

test('says M_NOT_JSON for text that is not JSON', () => {
  for (const text of ['', '{', '{"a":01}', '[-]', 'undefined', '{"a":1.}']) {
    assert.throws(() => parseStrictJson(text), { status: 400, errcode: 'M_NOT_JSON' }, text);
  }
});

test('does not exhaust the stack', () => {
  const deep = `${'['.repeat(100_000)}1.5${']'.repeat(100_000)}`;
  assert.throws(() => parseStrictJson(deep), badJson);
});

test('accepts every JSON of safe integers and changes nothing', () => {
  fc.assert(
    fc.property(fc.array(fc.oneof(fc.maxSafeInteger(), fc.string(), fc.constant(null))), (list) => {
      const plain = list.map((item) => (Object.is(item, -0) ? 0 : item));
      assert.deepEqual(parseStrictJson(JSON.stringify(plain)), plain);
    }),
  );
});
