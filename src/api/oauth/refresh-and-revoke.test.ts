import assert from 'node:assert/strict';
import { OAuthTestClient, WEB_CLIENT } from '../../testing/client/oauth-client.ts';
import { TestBrowser } from '../../testing/client/test-browser.ts';
import { TestClient } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

onServers(
  'a refresh token stays usable until the new one is, and a stolen one ends the session [B021 partial]',
  async ({ person, anonymous }) => {
    await person('alice');
    const oauth = await OAuthTestClient.register(anonymous().base);
    const other = await OAuthTestClient.register(anonymous().base, { ...WEB_CLIENT, client_name: 'Other' });
    const { tokens } = await oauth.signIn('alice', 'REFRESHING');
    assert.equal((await oauth.refresh(tokens.refresh_token, other.clientId)).body.error, 'invalid_grant');
    const legacy = { refresh_token: tokens.refresh_token };
    await anonymous().fails(401, 'M_UNKNOWN_TOKEN', 'POST', '/v3/refresh', legacy);
    await oauth.refresh(tokens.refresh_token);
    const second = await oauth.refresh(tokens.refresh_token);
    assert.equal(second.status, 200, 'the answer to the first try may have been lost');
    assert.notEqual(second.body.refresh_token, tokens.refresh_token);
    const client = new TestClient(anonymous().base, second.body.access_token);
    await client.ok('GET', '/v3/account/whoami');
    const stolen = await oauth.refresh(tokens.refresh_token);
    assert.equal(stolen.status, 400);
    assert.equal(stolen.body.error, 'invalid_grant');
    await client.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    assert.equal((await oauth.refresh(second.body.refresh_token)).body.error, 'invalid_grant');
  },
);

onServers(
  'a locked account gets no tokens by OAuth, and keeps what it has for later [B021 partial]',
  async ({ person, anonymous, server }) => {
    const { userId } = await person('alice');
    const { newAccounts } = server.services;
    const root = await newAccounts.openSession(await newAccounts.createUser('root', 'root password', true));
    const lock = (locked: boolean) =>
      new TestClient(anonymous().base, root.accessToken).ok('PUT', `/v1/admin/lock/${userId}`, { locked });
    const oauth = await OAuthTestClient.register(anonymous().base);
    const { tokens } = await oauth.signIn('alice', 'FIRST');
    const code = await oauth.codeFrom(new TestBrowser(anonymous().base), 'alice', 'SECOND');
    await lock(true);
    for (const answer of [await oauth.redeem(code), await oauth.refresh(tokens.refresh_token)]) {
      assert.deepEqual([answer.status, answer.body.error], [400, 'invalid_grant']);
      assert.match(answer.body.error_description, /locked/);
    }
    await lock(false);
    assert.equal((await oauth.refresh(tokens.refresh_token)).status, 200);
  },
);

onServers('revoking either token ends both and the device [B021]', async ({ person, anonymous }) => {
  const alice = await person('alice');
  const oauth = await OAuthTestClient.register(anonymous().base);
  for (const kind of ['access_token', 'refresh_token']) {
    const { tokens, client } = await oauth.signIn('alice', `REVOKED${kind}`);
    const form = { token: tokens[kind], token_type_hint: kind, client_id: oauth.clientId };
    assert.equal((await oauth.post('revocation_endpoint', form)).status, 200);
    await client.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    assert.equal((await oauth.refresh(tokens.refresh_token)).body.error, 'invalid_grant');
    await alice.fails(404, 'M_NOT_FOUND', 'GET', `/v3/devices/REVOKED${kind}`);
    assert.equal((await oauth.post('revocation_endpoint', form)).status, 200);
  }
  assert.equal((await oauth.post('revocation_endpoint', { token_type_hint: 'x' })).status, 400);
  const leaked = await oauth.signIn('alice', 'LEAKED');
  const found = { token: leaked.tokens.access_token };
  assert.equal((await oauth.post('revocation_endpoint', found)).status, 200);
  await leaked.client.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
});

onServers(
  'what one process grants, another exchanges and ends [B019 partial] [B021 partial]',
  async ({ person, anonymous, another }) => {
    await person('alice');
    const oauth = await OAuthTestClient.register(anonymous().base);
    const other = await OAuthTestClient.register((await another()).url);
    assert.equal(other.clientId, oauth.clientId);
    const code = await oauth.codeFrom(new TestBrowser(anonymous().base), 'alice', 'TWOPROCESSES');
    const { body } = await other.redeem(code);
    const client = new TestClient(anonymous().base, body.access_token);
    assert.equal((await client.ok('GET', '/v3/account/whoami')).device_id, 'TWOPROCESSES');
    const refreshed = await oauth.refresh(body.refresh_token);
    const form = { token: refreshed.body.refresh_token };
    assert.equal((await other.post('revocation_endpoint', form)).status, 200);
    const ended = new TestClient(other.base, refreshed.body.access_token);
    await ended.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    assert.equal((await oauth.refresh(refreshed.body.refresh_token)).body.error, 'invalid_grant');
  },
);
