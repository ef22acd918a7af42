import assert from 'node:assert/strict';
import { test } from 'node:test';
import { canonicalJson } from '../../protocol/canonical-json.ts';
import { serverName } from '../../protocol/identifiers.ts';
import { SigningKey } from '../../protocol/signing.ts';
import { OwnKeys } from './own-keys.ts';

void test('the answer about keys is in the order in which it was signed [B098 partial]', () => {
  const key = SigningKey.fromSeed('ed25519:a', Buffer.alloc(32, 1));
  const old = [{ keyId: 'ed25519:b', publicKey: key.publicKey, expiredAt: 1 }];
  const answer = new OwnKeys(serverName('example.org'), key, old, { now: () => 1_000 }).answer();
  assert.equal(JSON.stringify(answer), canonicalJson(answer, { strict: true }));
});
