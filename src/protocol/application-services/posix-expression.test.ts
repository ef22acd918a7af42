import assert from 'node:assert/strict';
import { test } from 'node:test';
import { fromPosix } from './posix-expression.ts';

const matches = (source: string, text: string) => new RegExp(`^(?:${fromPosix(source)})$`).test(text);

void test('classes of POSIX are what they say', () => {
  const ascii = Array.from({ length: 128 }, (_, code) => String.fromCharCode(code));
  const sizes = {
    ...{ alnum: 62, alpha: 52, blank: 2, cntrl: 33, digit: 10, graph: 94 },
    ...{ lower: 26, print: 95, punct: 32, space: 6, upper: 26, xdigit: 22 },
  };
  for (const [name, size] of Object.entries(sizes)) {
    const inClass = ascii.filter((one) => matches(`[[:${name}:]]`, one));
    assert.equal(inClass.length, size, name);
    assert.equal(ascii.filter((one) => matches(`[^[:${name}:]]`, one)).length, 128 - size, name);
  }
  assert.ok(matches('[[:alpha:]_[:digit:].-]+', 'a_1.-'));
  assert.ok(!matches('[[:alpha:]_[:digit:].-]+', 'a:1'));
  assert.throws(() => fromPosix('[[:letter:]]'), /no class \[:letter:\], but alnum/);
});

void test('a bracket that would close at once stands for itself', () => {
  assert.ok(matches('[]x]+', 'x]'));
  assert.ok(!matches('[^]x]', ']'));
  assert.ok(matches('[^]x]', '['));
});

void test('what means the same everywhere stays as it is', () => {
  for (const source of ['@_irc_.*', '#[a-z]+\\[[^:]*:x', '\\[[:x]', '(a|b){2}[\\]\\w-]?', '[a[b]', '[', '[]'])
    assert.equal(fromPosix(source), source);
});
