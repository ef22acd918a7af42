import assert from 'node:assert/strict';
import { test } from 'node:test';
import { SigningKey, VerifyKey } from '../../protocol/signing.ts';
import { SignatureChecks } from './signature-checks.ts';

test('a signature that was found right is right of its text and key only', async () => {
  const checks = new SignatureChecks();
  const [one, other] = [1, 2].map((seed) => SigningKey.fromSeed('ed25519:k', Buffer.alloc(32, seed)));
  if (!one || !other) throw new Error('There are two keys');
  const key = VerifyKey.of(one.publicKey);
  const signature = one.sign('text');
  for (const time of ['first', 'again']) {
    assert.equal(await checks.isSigned('text', key, signature), true, time);
    assert.equal(await checks.isSigned('texts', key, signature), false, time);
    assert.equal(await checks.isSigned('text', VerifyKey.of(other.publicKey), signature), false, time);
    assert.equal(await checks.isSigned('text', key, other.sign('text')), false, time);
  }
});

test('many signatures checked at once are told apart', async () => {
  const checks = new SignatureChecks();
  const signer = SigningKey.fromSeed('ed25519:k', Buffer.alloc(32, 1));
  const key = VerifyKey.of(signer.publicKey);
  const texts = Array.from({ length: 40 }, (_, i) => `text ${i}`);
  const found = await Promise.all(
    texts.map((text, i) => checks.isSigned(text, key, signer.sign(i % 3 === 0 ? 'another' : text))),
  );
  assert.deepEqual(
    found,
    texts.map((_, i) => i % 3 !== 0),
  );
});
