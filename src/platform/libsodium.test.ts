import assert from 'node:assert/strict';
import { generateKeyPairSync, sign, verify } from 'node:crypto';
import { test } from 'node:test';
import { libsodium } from './libsodium.ts';

const hasBuild = libsodium() !== undefined;

test('signs and checks as the library of the runtime does', { skip: !hasBuild }, () => {
  const ed25519 = libsodium();
  assert.ok(ed25519);
  const { privateKey, publicKey } = generateKeyPairSync('ed25519');
  const { d = '', x = '' } = privateKey.export({ format: 'jwk' });
  const publicBytes = Buffer.from(x, 'base64url');
  const secret = Buffer.concat([Buffer.from(d, 'base64url'), publicBytes]);
  for (const message of ['', 'text', 'ü'.repeat(2_000)].map((text) => Buffer.from(text))) {
    const signature = sign(null, message, privateKey);
    assert.deepEqual(ed25519.sign(message, secret), signature);
    const other = Buffer.concat([message, Buffer.from('.')]);
    const [broken, elsewhere] = [Buffer.from(signature), Buffer.from(publicBytes)];
    broken[0] = (broken[0] ?? 0) ^ 1;
    elsewhere[0] = (elsewhere[0] ?? 0) ^ 1;
    assert.equal(ed25519.isSigned(signature, message, publicBytes), true);
    assert.equal(ed25519.isSigned(signature, other, publicBytes), false);
    assert.equal(ed25519.isSigned(broken, message, publicBytes), false);
    assert.equal(ed25519.isSigned(signature, message, elsewhere), false);
    assert.equal(verify(null, message, publicKey, broken), false);
  }
});
