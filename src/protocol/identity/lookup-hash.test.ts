import assert from 'node:assert/strict';
import { test } from 'node:test';
import { lookupHash } from './lookup-hash.ts';

test('identifiers are hashed as the specification shows', () => {
  const hashed = (address: string, medium: string) => lookupHash({ address, medium }, 'matrixrocks');
  assert.equal(hashed('alice@example.com', 'email'), '4kenr7N9drpCJ4AfalmlGQVsOn3o2RHjkADUpXJWZUc');
  assert.equal(hashed('bob@example.com', 'email'), 'LJwSazmv46n0hlMlsb_iYxI0_HXEqy_yj6Jm636cdT8');
  assert.equal(hashed('18005552067', 'msisdn'), 'nlo35_T5fzSGZzJApqu8lgIudJvmOQtDaHtr-I4rU7I');
});
