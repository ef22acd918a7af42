import assert from 'node:assert/strict';
import { test } from 'node:test';
import { elementsOfArrays } from './json-elements.ts';

const elements = (text: string) => [...elementsOfArrays(Buffer.from(text))];

test('the elements of the arrays of an object come one by one, as they are written', () => {
  const text = ` { "origin" : "x[,]", "pdus": [ {"a":[1,{"b":"}],\\""}]} , 1.0,"é\\\\" ,[[]]],"none":[],"n":1,"chain":[{}]}`;
  assert.deepEqual(elements(text), [
    { key: 'pdus', text: '{"a":[1,{"b":"}],\\""}]}' },
    { key: 'pdus', text: '1.0' },
    { key: 'pdus', text: '"é\\\\"' },
    { key: 'pdus', text: '[[]]' },
    { key: 'chain', text: '{}' },
  ]);
});

test('what is cut off, or no JSON at all, gives what was whole of it', () => {
  assert.deepEqual(elements('{"pdus":[{"a":1},{"b":'), [{ key: 'pdus', text: '{"a":1}' }]);
  assert.deepEqual(elements('{"pdus":[{"a":"\\'), []);
  for (const text of ['', '[]', 'no', ']]]', '"', '{"pdus":{}}']) assert.deepEqual(elements(text), [], text);
});
