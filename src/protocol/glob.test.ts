import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { compileGlob, matchGlob } from './glob.ts';
import type { ServerName } from './identifiers.ts';
import { serverAllowed } from './server-acl.ts';

test('globs match as a naive matcher says [B136 partial]', () => {
  const naive = (pattern: string, text: string): boolean => {
    if (pattern === '') return text === '';
    if (pattern.startsWith('*')) {
      return naive(pattern.slice(1), text) || (text !== '' && naive(pattern, text.slice(1)));
    }
    const first = text !== '' && (pattern.startsWith('?') || pattern[0] === text[0]);
    return first && naive(pattern.slice(1), text.slice(1));
  };
  const letters = (alphabet: string, maxLength: number) =>
    fc.array(fc.constantFrom(...alphabet), { maxLength }).map((list) => list.join(''));
  fc.assert(
    fc.property(letters('ab*?', 8), letters('ab', 8), (pattern, text) => {
      assert.equal(matchGlob(pattern, text), naive(pattern, text));
      assert.equal(compileGlob(pattern)(text), naive(pattern, text));
    }),
    { numRuns: 2_000 },
  );
});

test('a glob counts characters, also those outside the basic plane', () => {
  const escaped = (one: string) => one.replace(/[.*+?^${}()|[\]\\]/g, '\\$&');
  const toSource = (pattern: string) =>
    [...pattern].map((one) => (one === '*' ? '.*' : one === '?' ? '.' : escaped(one))).join('');
  const unit = fc.constantFrom('a', '.', '😀', '\n', 'é');
  const patterns = fc.string({ unit: fc.oneof(unit, fc.constantFrom('*', '?')), maxLength: 8 });
  fc.assert(
    fc.property(patterns, fc.string({ unit, maxLength: 8 }), (pattern, text) => {
      const expected = new RegExp(`^${toSource(pattern)}$`, 'su').test(text);
      assert.equal(compileGlob(pattern)(text), expected);
    }),
    { numRuns: 3_000 },
  );
});

test('a glob whose parts are longer than what is looked for at once matches as any other', () => {
  const long = `${'ab'.repeat(100)}c`;
  const glob = compileGlob(`*${long}*?${long}`);
  assert.equal(glob(`ababab${long}--${'ab'.repeat(50)}${long}`), true);
  assert.equal(glob(`ababab${long}${long}`), false);
  assert.equal(glob(`ababab${long.slice(0, -1)}d-${long}`), false);
});

test('where the effort is used up, a glob matches nothing', () => {
  const glob = compileGlob('*b*');
  const text = `${'a'.repeat(100)}b`;
  const effort = { left: 250 };
  assert.deepEqual(
    [glob(text, effort), glob(text, effort), glob(text, effort), glob(text, effort)],
    [...[true, true, true, false]],
  );
});

test('a glob of many stars takes no longer than pattern times text', () => {
  const begun = performance.now();
  assert.equal(matchGlob('*a'.repeat(200) + 'b', 'a'.repeat(5_000)), false);
  assert.ok(performance.now() - begun < 10_000);
});

test('server ACLs: deny wins, nobody is allowed who is not listed, ports do not matter [B073 partial]', () => {
  const allowed = (acl: Parameters<typeof serverAllowed>[0], server: string) =>
    serverAllowed(acl, server as ServerName);
  assert.equal(allowed(undefined, 'any.example'), true);
  assert.equal(allowed({}, 'any.example'), false);
  assert.equal(allowed({ allow: ['*'] }, 'any.example:8448'), true);
  assert.equal(allowed({ allow: ['*'], deny: ['*.EVIL.example'] }, 'x.evil.example'), false);
  assert.equal(allowed({ allow: ['*'], deny: ['*.evil.example'] }, 'evil.example'), true);
  assert.equal(allowed({ allow: ['go?d.example'] }, 'good.example'), true);
  assert.equal(allowed({ allow: ['*'], allow_ip_literals: false }, '1.2.3.4'), false);
  assert.equal(allowed({ allow: ['*'], allow_ip_literals: false }, '[::1]:8448'), false);
  assert.equal(allowed({ allow: ['*'], allow_ip_literals: true }, '1.2.3.4:80'), true);
  assert.equal(allowed({ allow: 'all' }, 'any.example'), false);
});
