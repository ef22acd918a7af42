import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { encodeMacaroon, isMacaroonSigned, mintMacaroon, parseMacaroon, withCaveat } from './macaroon.ts';

const SECRET = Buffer.from('this is our super secret key; only we should know it');

void test('signatures are those of the reference library [A024 partial]', () => {
  const made = mintMacaroon(SECRET, {
    location: 'http://mybank/',
    identifier: 'we used our secret key',
    caveats: [],
  });
  assert.equal(
    made.signature.toString('hex'),
    'e3d9e02908526c4c0039ae15114115d97fdd68bf2ba379b342aaf0f617d0552f',
  );
  const narrowed = withCaveat(made, 'account = 3735928559');
  assert.equal(
    narrowed.signature.toString('hex'),
    '1efe4763f290dbce0c1d08477367e11f4eee456a64933cf662d79772dbb82128',
  );
});

void test('a macaroon survives being written, and nothing but added caveats [A024 partial]', () => {
  const words = fc.string({ maxLength: 60, unit: 'grapheme' });
  fc.assert(
    fc.property(words, fc.array(words, { maxLength: 5 }), words, (identifier, caveats, added) => {
      const made = mintMacaroon(SECRET, { location: 'here', identifier, caveats });
      assert.deepEqual(parseMacaroon(encodeMacaroon(made)), made);
      assert.ok(isMacaroonSigned(SECRET, made));
      assert.ok(isMacaroonSigned(SECRET, withCaveat(made, added)));
      assert.ok(!isMacaroonSigned(SECRET, { ...made, caveats: [...caveats, added] }));
      assert.ok(!isMacaroonSigned(Buffer.from('another'), made));
      if (caveats.length > 0) assert.ok(!isMacaroonSigned(SECRET, { ...made, caveats: caveats.slice(1) }));
    }),
  );
});

void test('what is no macaroon is told apart [A024 partial]', () => {
  const text = encodeMacaroon(mintMacaroon(SECRET, { location: 'l', identifier: 'i', caveats: ['a = b'] }));
  for (let length = 0; length < text.length - 2; length++) {
    assert.equal(parseMacaroon(text.slice(0, length)), undefined);
  }
  fc.assert(fc.property(fc.base64String(), (other) => parseMacaroon(other) === undefined));
});
