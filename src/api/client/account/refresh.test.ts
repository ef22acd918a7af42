import assert from 'node:assert/strict';
import { onServers } from '../../../testing/server/test-server.ts';
import { TestClient } from '../../../testing/client/test-client.ts';

onServers(
  'a refresh token is revoked when the new access token is used [B012 partial]',
  async ({ anonymous }) => {
    const first = await anonymous().ok('POST', '/v3/register', {
      username: 'alice',
      password: 'a good password',
      refresh_token: true,
      auth: { type: 'm.login.dummy' },
    });
    const old = { refresh_token: first.refresh_token };
    const second = await anonymous().ok('POST', '/v3/refresh', old);
    await new TestClient(anonymous().base, second.access_token).ok('GET', '/v3/account/whoami');
    await anonymous().fails(401, 'M_UNKNOWN_TOKEN', 'POST', '/v3/refresh', old);
    await anonymous().ok('POST', '/v3/refresh', { refresh_token: second.refresh_token });
  },
);

onServers('a refresh token is revoked when the new one is used [B012 partial]', async ({ anonymous }) => {
  const client = anonymous();
  const first = await client.ok('POST', '/v3/register', {
    username: 'alice',
    password: 'a good password',
    refresh_token: true,
    auth: { type: 'm.login.dummy' },
  });
  const old = { refresh_token: first.refresh_token };
  const lost = await client.ok('POST', '/v3/refresh', old);
  const second = await client.ok('POST', '/v3/refresh', old);
  await client.fails(401, 'M_UNKNOWN_TOKEN', 'POST', '/v3/refresh', { refresh_token: lost.refresh_token });
  await client.ok('POST', '/v3/refresh', { refresh_token: second.refresh_token });
  await client.fails(401, 'M_UNKNOWN_TOKEN', 'POST', '/v3/refresh', old);
});

onServers('refreshing one token many times at once breaks nothing [B012 partial]', async ({ anonymous }) => {
  const client = anonymous();
  const first = await client.ok('POST', '/v3/register', {
    username: 'alice',
    password: 'a good password',
    refresh_token: true,
    auth: { type: 'm.login.dummy' },
  });
  const old = { refresh_token: first.refresh_token };
  const answers = await Promise.all(Array.from({ length: 8 }, () => client.ask('POST', '/v3/refresh', old)));
  const works: boolean[] = [];
  for (const { body } of answers) {
    const me = await new TestClient(client.base, body.access_token).ask('GET', '/v3/account/whoami');
    works.push(me.status === 200);
  }
  assert.deepEqual(
    answers.map((answer) => answer.status),
    new Array<number>(8).fill(200),
  );
  assert.equal(works.filter(Boolean).length, 1);
});

const clock = { at: Date.now(), now: () => clock.at };

onServers(
  'refresh tokens rotate; the old one works until the new pair is used [B012 partial] [B016]',
  async ({ anonymous }) => {
    const client = await anonymous().register('alice', { refresh_token: true });
    const identifier = { type: 'm.id.user', user: 'alice' };
    const body = { type: 'm.login.password', identifier, password: 'alice password', refresh_token: true };
    const first = await client.ok('POST', '/v3/login', body);
    assert.equal(first.expires_in_ms, 3_600_000);
    clock.at += 3_600_001;
    client.token = first.access_token;
    const expired = await client.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    assert.equal(expired.soft_logout, true);
    const refresh = (token: string) => anonymous().ok('POST', '/v3/refresh', { refresh_token: token });
    const lost = await refresh(first.refresh_token);
    const second = await refresh(first.refresh_token);
    assert.notEqual(lost.access_token, second.access_token);
    const third = await refresh(second.refresh_token);
    client.token = third.access_token;
    await client.ok('GET', '/v3/account/whoami');
    await refresh(third.refresh_token);
    const error = await anonymous().fails(401, 'M_UNKNOWN_TOKEN', 'POST', '/v3/refresh', {
      refresh_token: 'nonsense',
    });
    assert.equal(error.soft_logout, false);
  },
  { overrides: { clock } },
);
