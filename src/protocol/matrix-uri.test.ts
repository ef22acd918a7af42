import assert from 'node:assert/strict';
import { test } from 'node:test';
import { roomId, serverName } from './identifiers.ts';
import { matrixToRoom } from './matrix-uri.ts';

test('links to rooms say by way of which servers one gets there [B135]', () => {
  const servers = ['example.org', '[::1]:8448', 'elsewhere.ca', 'fourth.example'].map(serverName);
  assert.equal(
    matrixToRoom(roomId('!somewhere:example.org'), servers.slice(0, 1)),
    'https://matrix.to/#/!somewhere%3Aexample.org?via=example.org',
  );
  assert.equal(
    matrixToRoom(roomId('!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM'), servers),
    'https://matrix.to/#/!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM?via=example.org&via=%5B%3A%3A1%5D%3A8448&via=elsewhere.ca',
  );
  assert.equal(matrixToRoom(roomId('!a/b?:x'), []), 'https://matrix.to/#/!a%2Fb%3F%3Ax');
});
