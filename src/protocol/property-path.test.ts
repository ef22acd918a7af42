import assert from 'node:assert/strict';
import { test } from 'node:test';
import { parsePropertyPath, propertyAt } from './property-path.ts';

test('dots part the names of a path, and a backslash keeps them [B136 partial]', () => {
  const paths: [string, string[]][] = [
    ['content.body', ['content', 'body']],
    [String.raw`content.m\.relates_to`, ['content', 'm.relates_to']],
    [String.raw`m\\foo`, [String.raw`m\foo`]],
    [String.raw`m\x.y`, [String.raw`m\x`, 'y']],
    ['', ['']],
  ];
  for (const [path, names] of paths) assert.deepEqual(parsePropertyPath(path), names, path);
  const event = { content: { 'm.relates_to': { key: 'x' } } };
  assert.equal(propertyAt(event, ['content', 'm.relates_to', 'key']), 'x');
  assert.equal(propertyAt(event, ['content', 'constructor']), undefined);
});
