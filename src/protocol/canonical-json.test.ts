import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { assertWellFormed, canonicalJson, MAX_JSON_DEPTH } from './canonical-json.ts';
import { isJsonObject, type JsonValue } from './json.ts';

const strict = (value: JsonValue) => canonicalJson(value, { strict: true });
const lenient = (value: JsonValue) => canonicalJson(value, { strict: false });
const badJson = { status: 400, errcode: 'M_BAD_JSON' };

test('encodes the examples of the appendices [A102] [B136 partial]', () => {
  const examples: [string, string][] = [
    ['{}', '{}'],
    ['{ "one": 1, "two": "Two" }', '{"one":1,"two":"Two"}'],
    ['{ "b": "2", "a": "1" }', '{"a":"1","b":"2"}'],
    ['{"b":"2","a":"1"}', '{"a":"1","b":"2"}'],
    [
      '{"auth":{"success":true,"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":' +
        '[{"medium":"email","address":"john.doe@example.org"},{"medium":"msisdn","address":"123456789"}]}}}',
      '{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":' +
        '[{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}}',
    ],
    ['{"a": "日本語"}', '{"a":"日本語"}'],
    ['{"本": 2, "日": 1}', '{"日":1,"本":2}'],
    [String.raw`{"a": "\u65E5"}`, '{"a":"日"}'],
    ['{"a": null}', '{"a":null}'],
    ['{"a": -0, "b": 1e10}', '{"a":0,"b":10000000000}'],
  ];
  for (const [source, expected] of examples) assert.equal(strict(JSON.parse(source) as JsonValue), expected);
});

test('orders keys by code point, not by UTF-16 unit', () => {
  assert.equal(strict({ '\u{1f600}': 1, '\uffff': 2, a: 3 }), '{"a":3,"\uffff":2,"\u{1f600}":1}');
  assert.equal(strict({ '10': 1, '9': 2, '': 3, ab: 4, a: 5 }), '{"":3,"10":1,"9":2,"a":5,"ab":4}');
});

test('uses the shortest escapes', () => {
  assert.equal(
    strict('"\\/\b\t\n\f\r\u0000\u001f\u007f\u2028é'),
    String.raw`"\"\\/\b\t\n\f\r\u0000\u001f` + '\u007f\u2028é"',
  );
});

test('leaves out undefined members and keeps hostile names as data', () => {
  assert.equal(strict({ a: undefined, b: 1 }), '{"b":1}');
  assert.equal(strict(JSON.parse('{"__proto__":{"x":1},"a":2}') as JsonValue), '{"__proto__":{"x":1},"a":2}');
});

test('strict: only integers within ±(2^53-1)', () => {
  assert.equal(strict([2 ** 53 - 1, 1 - 2 ** 53]), '[9007199254740991,-9007199254740991]');
  for (const number of [1.5, 2 ** 53, -(2 ** 53), 1e21, Number.NaN, Infinity]) {
    assert.throws(() => strict({ a: [number] }), badJson, String(number));
  }
});

test('lenient: floats as they are, large integers without exponent, nothing that is not JSON', () => {
  assert.equal(lenient([1.5, -0, 2 ** 53, 1e21]), '[1.5,0,9007199254740992,1000000000000000000000]');
  assert.throws(() => lenient(Infinity), badJson);
});

test('refuses lone surrogates and deep nesting', () => {
  for (const value of ['\ud800', { '\udc00': 1 }, ['a\ud83d']] satisfies JsonValue[]) {
    assert.throws(() => strict(value), badJson);
    assert.throws(() => assertWellFormed(value), badJson);
  }
  assert.doesNotThrow(() => assertWellFormed(nested(MAX_JSON_DEPTH)));
  assert.doesNotThrow(() => strict(nested(MAX_JSON_DEPTH)));
  for (const depth of [MAX_JSON_DEPTH + 1, 100_000]) {
    assert.throws(() => assertWellFormed(nested(depth)), badJson);
    assert.throws(() => lenient(nested(depth)), badJson);
  }
});

test('is stable under parsing, and every object is sorted by code point', () => {
  const text = fc.string({ unit: 'binary', maxLength: 6 });
  const { value } = fc.letrec<{ value: JsonValue }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.constant(null),
      fc.boolean(),
      fc.maxSafeInteger(),
      text,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(text, tie('value'), { maxKeys: 5 }),
    ),
  }));
  fc.assert(
    fc.property(value, (generated) => {
      const once = strict(generated);
      const parsed = JSON.parse(once) as JsonValue;
      assert.equal(strict(parsed), once);
      assertSorted(parsed);
      assert.doesNotThrow(() => assertWellFormed(generated));
    }),
    { numRuns: 500 },
  );
});

test('keys come in the order of their UTF-8 bytes', () => {
  fc.assert(
    fc.property(fc.uniqueArray(fc.string({ unit: 'binary', minLength: 1, maxLength: 4 })), (keys) => {
      const names = keys.map((key) => `x${key}`);
      const text = strict(Object.fromEntries(names.map((name) => [name, 0])));
      const expected = names.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
      assert.equal(text, `{${expected.map((name) => `${JSON.stringify(name)}:0`).join(',')}}`);
    }),
    { numRuns: 500 },
  );
});

function nested(depth: number): JsonValue {
  let value: JsonValue = [];
  for (let i = 1; i < depth; i++) value = [value];
  return value;
}

/** Integer-like names are left out: a JavaScript object puts them first whatever the text's order was. */
function assertSorted(value: JsonValue): void {
  if (Array.isArray(value)) return value.forEach(assertSorted);
  if (!isJsonObject(value)) return;
  const keys = Object.keys(value).filter((key) => !/^\d+$/.test(key));
  const sorted = keys.toSorted((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  assert.deepEqual(keys, sorted);
  for (const member of Object.values(value)) if (member !== undefined) assertSorted(member);
}
