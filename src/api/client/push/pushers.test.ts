import assert from 'node:assert/strict';
import { onServers } from '../../../testing/server/test-server.ts';
import type { Json, TestClient } from '../../../testing/client/test-client.ts';

const GATEWAY = 'https://push.example.org/_matrix/push/v1/notify';

function pusher(more: object = {}): Json {
  return {
    kind: 'http',
    app_id: 'org.example.app',
    pushkey: 'a key',
    app_display_name: 'App',
    device_display_name: 'Phone',
    profile_tag: 'tag',
    lang: 'en',
    data: { url: GATEWAY, format: 'event_id_only', mine: 1 },
    ...more,
  };
}

const set = (client: TestClient, more: object = {}) => client.ok('POST', '/v3/pushers/set', pusher(more));

async function names(client: TestClient): Promise<string[]> {
  const { pushers } = await client.ok('GET', '/v3/pushers');
  return pushers.map((one: Json) => `${one.app_id} ${one.pushkey}`);
}

onServers(
  'pushers are set, listed, changed and deleted [B061 partial] [A075 partial]',
  async ({ person }) => {
    const alice = await person('alice');
    await set(alice);
    await set(alice, { pushkey: 'another', device_display_name: 'Tablet' });
    const { append: _append, ...shown } = pusher();
    const msc3881 = { 'org.matrix.msc3881.enabled': true, 'org.matrix.msc3881.device_id': alice.deviceId };
    const { pushers } = await alice.ok('GET', '/v3/pushers');
    assert.deepEqual(pushers[0], { ...shown, ...msc3881 });
    await set(alice, { lang: 'de', 'org.matrix.msc3881.enabled': false });
    const changed = (await alice.ok('GET', '/v3/pushers')).pushers;
    assert.equal(changed.length, 2);
    assert.deepEqual([changed[0].lang, changed[0]['org.matrix.msc3881.enabled']], ['de', false]);
    await alice.ok('POST', '/v3/pushers/set', { kind: null, app_id: 'org.example.app', pushkey: 'a key' });
    assert.deepEqual(await names(alice), ['org.example.app another']);
    await alice.ok('POST', '/v3/pushers/set', { kind: null, app_id: 'no', pushkey: 'such' });
    const { unstable_features: features } = await alice.ok('GET', '/_matrix/client/versions');
    assert.deepEqual([features['org.matrix.msc3881'], features['org.matrix.msc4028']], [true, true]);
  },
);

onServers('a key goes over to another user unless it is appended [B061 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  await set(alice);
  await set(bob, { append: true });
  assert.deepEqual([(await names(alice)).length, (await names(bob)).length], [1, 1]);
  await set(bob);
  assert.deepEqual([(await names(alice)).length, (await names(bob)).length], [0, 1]);
});

onServers('bad pushers are refused [B061 partial]', async ({ person }) => {
  const alice = await person('alice');
  const refused = (errcode: string, body: object) =>
    alice.fails(400, errcode, 'POST', '/v3/pushers/set', body);
  const { lang: _lang, data: _data, ...incomplete } = pusher();
  const answer = await refused('M_MISSING_PARAM', incomplete);
  assert.equal(answer.error, 'Missing parameters: lang, data');
  const { kind: _kind, ...kindless } = pusher();
  await refused('M_MISSING_PARAM', kindless);
  await refused('M_MISSING_PARAM', pusher({ data: {} }));
  for (const url of ['http://push.example.org/_matrix/push/v1/notify', 'https://x.org/', 'x', 1]) {
    await refused('M_INVALID_PARAM', pusher({ data: { url } }));
  }
  await refused('M_INVALID_PARAM', pusher({ kind: 'sms' }));
  await refused('M_INVALID_PARAM', pusher({ pushkey: 'x'.repeat(513) }));
  await refused('M_INVALID_PARAM', pusher({ app_id: 'x'.repeat(65) }));
  await refused('M_INVALID_PARAM', pusher({ append: 'yes' }));
  await refused('M_INVALID_PARAM', pusher({ kind: 'email', app_id: 'm.email', pushkey: 'a@x.org' }));
  await refused('M_BAD_JSON', pusher({ data: [] }));
  assert.deepEqual(await names(alice), []);
});

onServers('pushers end with the device that set them [B061 partial]', async ({ person, anonymous }) => {
  const alice = await person('alice');
  const login = async () => {
    const other = anonymous();
    const body = await other.ok('POST', '/v3/login', {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'alice' },
      password: 'alice password',
    });
    return Object.assign(other, { token: body.access_token });
  };
  const [second, third] = [await login(), await login()];
  await set(alice, { pushkey: 'first' });
  await set(second, { pushkey: 'second' });
  await set(third, { pushkey: 'third' });
  await third.ok('POST', '/v3/logout', {});
  assert.deepEqual(await names(alice), ['org.example.app first', 'org.example.app second']);
  const identifier = { type: 'm.id.user', user: 'alice' };
  await alice.ok('POST', '/v3/account/password', {
    new_password: 'another password',
    auth: { type: 'm.login.password', identifier, password: 'alice password' },
  });
  assert.deepEqual(await names(alice), ['org.example.app first']);
});
