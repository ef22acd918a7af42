import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { base64, base64Url, decodeBase64, decodeBase64Url } from './base64.ts';

test('encodes the examples of the appendices [B136 partial]', () => {
  const examples = { f: 'Zg', fo: 'Zm8', foo: 'Zm9v', foob: 'Zm9vYg', fooba: 'Zm9vYmE', foobar: 'Zm9vYmFy' };
  assert.equal(base64(Buffer.from('')), '');
  for (const [plain, encoded] of Object.entries(examples)) assert.equal(base64(Buffer.from(plain)), encoded);
});

test('uses the alphabet asked for', () => {
  const bytes = Buffer.from([0xfb, 0xff, 0xbf]);
  assert.equal(base64(bytes), '+/+/');
  assert.equal(base64Url(bytes), '-_-_');
  assert.equal(decodeBase64('-_-_'), undefined);
  assert.equal(decodeBase64Url('+/+/'), undefined);
});

test('decodes with and without padding, and refuses what is not base64 [B136 partial]', () => {
  assert.deepEqual(decodeBase64('Zg'), Buffer.from('f'));
  assert.deepEqual(decodeBase64('Zg=='), Buffer.from('f'));
  assert.deepEqual(decodeBase64Url('Zm8='), Buffer.from('fo'));
  for (const wrong of ['Z', 'Zg=', 'Zg===', 'Z g', 'Zg\n', 'Z=g=', '====', 'é']) {
    assert.equal(decodeBase64(wrong), undefined, JSON.stringify(wrong));
  }
});

test('decoding undoes encoding', () => {
  fc.assert(
    fc.property(fc.uint8Array({ maxLength: 100 }), (array) => {
      const bytes = Buffer.from(array);
      assert.deepEqual(decodeBase64(base64(bytes)), bytes);
      assert.deepEqual(decodeBase64Url(base64Url(bytes)), bytes);
    }),
  );
});
