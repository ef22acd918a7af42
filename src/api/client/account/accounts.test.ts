import assert from 'node:assert/strict';
import { createHmac } from 'node:crypto';
import { onServers } from '../../../testing/server/test-server.ts';
import { TestClient, type Json } from '../../../testing/client/test-client.ts';

onServers(
  'an account is registered in stages, and its name is taken then [B010] [B011]',
  async ({ anonymous }) => {
    const client = anonymous();
    await client.ok('GET', '/v3/register/available?username=alice');
    const first = await client.ask('POST', '/v3/register', {
      username: 'alice',
      password: 'a good password',
    });
    assert.equal(first.status, 401);
    assert.deepEqual(first.body.flows, [{ stages: ['m.login.dummy'] }]);
    assert.equal(first.body.errcode, undefined);
    const auth = { type: 'm.login.dummy', session: first.body.session };
    const done = await client.ok('POST', '/v3/register', {
      username: 'alice',
      password: 'a good password',
      auth,
    });
    assert.equal(done.user_id, '@alice:localhost');
    assert.ok(done.access_token && done.device_id);
    await client.fails(400, 'M_USER_IN_USE', 'GET', '/v3/register/available?username=Alice');
    await client.fails(400, 'M_USER_IN_USE', 'POST', '/v3/register', {
      username: 'alice',
      password: 'x'.repeat(9),
      auth,
    });
    await client.fails(400, 'M_INVALID_USERNAME', 'GET', '/v3/register/available?username=a%20b');
    const weak = { username: 'weak', password: 'short', auth: { type: 'm.login.dummy' } };
    await client.fails(400, 'M_WEAK_PASSWORD', 'POST', '/v3/register', weak);
    await client.fails(400, 'M_UNKNOWN', 'POST', '/v3/register', {
      username: 'x',
      password: 'long enough',
      auth: { type: 'm.login.dummy', session: 'made up' },
    });
  },
);

onServers('a name is registered once, however many try at a time [B011 partial]', async ({ anonymous }) => {
  const tries = Array.from({ length: 8 }, () =>
    anonymous().ask('POST', '/v3/register', {
      username: 'same',
      password: 'a good password',
      auth: { type: 'm.login.dummy' },
    }),
  );
  const statuses = (await Promise.all(tries)).map((answer) => answer.status).sort();
  assert.deepEqual(statuses, [200, ...new Array<number>(7).fill(400)]);
});

onServers(
  'inhibit_login registers without a session, and guests come in where they may [B011] [B009] [B049 partial]',
  async ({ anonymous }) => {
    const auth = { type: 'm.login.dummy' };
    const body = { username: 'quiet', password: 'a good password', auth, inhibit_login: true };
    const answer = await anonymous().ok('POST', '/v3/register', body);
    assert.equal(answer.access_token, undefined);
    assert.equal(answer.user_id, '@quiet:localhost');
    const guest = await anonymous().ok('POST', '/v3/register?kind=guest', {});
    const client = new TestClient(anonymous().base, guest.access_token);
    assert.equal((await client.ok('GET', '/v3/account/whoami')).is_guest, true);
    await client.fails(403, 'M_GUEST_ACCESS_FORBIDDEN', 'POST', '/v3/createRoom', {});
  },
  { env: { MYELIN_REGISTRATION_GUESTS: 'true' } },
);

onServers(
  'registration by token [B010 partial] [B011 partial]',
  async ({ anonymous }) => {
    const client = anonymous();
    const validity = (token: string) =>
      client.ok('GET', `/v1/register/m.login.registration_token/validity?token=${token}`);
    assert.equal((await validity('letmein')).valid, true);
    assert.equal((await validity('other')).valid, false);
    const register = (auth: object) =>
      client.ask('POST', '/v3/register', { username: 'tom', password: 'a good password', auth });
    const wrong = await register({ type: 'm.login.registration_token', token: 'other' });
    assert.equal(wrong.status, 401);
    assert.equal(wrong.body.errcode, 'M_UNAUTHORIZED');
    assert.ok(wrong.body.session);
    assert.equal((await register({ type: 'm.login.dummy' })).status, 401);
    const right = await register({
      type: 'm.login.registration_token',
      token: 'letmein',
      session: wrong.body.session,
    });
    assert.equal(right.status, 200);
  },
  { env: { MYELIN_REGISTRATION_REQUIRES_TOKEN: 'true', MYELIN_REGISTRATION_TOKENS: 'letmein' } },
);

onServers(
  'closed registration refuses, the shared secret opens it [B011 partial]',
  async ({ anonymous }) => {
    const client = anonymous();
    await client.fails(403, 'M_FORBIDDEN', 'POST', '/v3/register', {
      username: 'a',
      password: 'a good password',
    });
    const { nonce } = await client.ok('GET', '/_synapse/admin/v1/register');
    const mac = (text: string) => createHmac('sha1', 'sesame').update(text).digest('hex');
    const asked = { nonce, username: 'root', password: 'a good password', admin: true };
    await client.fails(403, 'M_FORBIDDEN', 'POST', '/_synapse/admin/v1/register', {
      ...asked,
      mac: mac('wrong'),
    });
    const second = await client.ok('GET', '/_synapse/admin/v1/register');
    const right = mac(`${second.nonce}\0root\0a good password\0admin`);
    const made = await client.ok('POST', '/_synapse/admin/v1/register', {
      ...asked,
      nonce: second.nonce,
      mac: right,
    });
    assert.equal(made.user_id, '@root:localhost');
    await client.fails(400, 'M_BAD_JSON', 'POST', '/_synapse/admin/v1/register', {
      ...asked,
      nonce: second.nonce,
      mac: right,
    });
  },
  { env: { MYELIN_REGISTRATION_ENABLED: 'false', MYELIN_REGISTRATION_SHARED_SECRET: 'sesame' } },
);

onServers('the shared-secret endpoint is not there unless a secret is set', async ({ anonymous }) => {
  await anonymous().fails(404, 'M_UNRECOGNIZED', 'GET', '/_synapse/admin/v1/register');
});

onServers('login with every form of identifier [B012]', async ({ person, anonymous }) => {
  await person('alice');
  const password = 'alice password';
  const flows = await anonymous().ok('GET', '/v3/login');
  assert.deepEqual(
    flows.flows.map((flow: Json) => flow.type),
    ['m.login.password', 'm.login.sso', 'm.login.token', 'm.login.application_service'],
  );
  for (const identifier of [
    { type: 'm.id.user', user: 'alice' },
    { type: 'm.id.user', user: '@alice:localhost' },
  ]) {
    const body = await anonymous().ok('POST', '/v3/login', {
      type: 'm.login.password',
      identifier,
      password,
    });
    assert.equal(body.user_id, '@alice:localhost');
  }
  await anonymous().ok('POST', '/r0/login', { type: 'm.login.password', user: 'alice', password });
  const fails = (body: object, status = 403, errcode = 'M_FORBIDDEN') =>
    anonymous().fails(status, errcode, 'POST', '/v3/login', { type: 'm.login.password', password, ...body });
  await fails({ identifier: { type: 'm.id.thirdparty', medium: 'email', address: 'a@example.org' } });
  await fails({ identifier: { type: 'm.id.phone', country: 'GB', phone: '123' } });
  await fails({ identifier: { type: 'm.id.user', user: 'nobody' } });
  await fails({ identifier: { type: 'm.id.user', user: 'alice' }, password: 'wrong password' });
  await fails({ type: 'm.login.magic' }, 400, 'M_UNKNOWN');
  await fails({}, 400, 'M_BAD_JSON');
});

onServers(
  'a second login on a device ends its first session [B012] [B009]',
  async ({ person, anonymous }) => {
    const alice = await person('alice');
    const identifier = { type: 'm.id.user', user: 'alice' };
    const login = {
      type: 'm.login.password',
      identifier,
      password: 'alice password',
      device_id: alice.deviceId,
    };
    const again = await anonymous().ok('POST', '/v3/login', login);
    assert.equal(again.device_id, alice.deviceId);
    const error = await alice.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    assert.equal(error.soft_logout, false);
    alice.token = again.access_token;
    const me = await alice.ok('GET', '/v3/account/whoami');
    assert.deepEqual(me, { user_id: '@alice:localhost', device_id: alice.deviceId, is_guest: false });
  },
);

onServers(
  'logout ends one device, logout/all every one [B012 partial] [B007]',
  async ({ person, anonymous }) => {
    const alice = await person('alice');
    const identifier = { type: 'm.id.user', user: 'alice' };
    const login = () =>
      anonymous().ok('POST', '/v3/login', {
        type: 'm.login.password',
        identifier,
        password: 'alice password',
      });
    const phone = new TestClient(alice.base, (await login()).access_token);
    const tablet = new TestClient(alice.base, (await login()).access_token);
    await phone.ok('POST', '/v3/logout');
    await phone.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    await tablet.ok('GET', '/v3/account/whoami');
    await alice.ok('POST', '/v3/logout/all');
    await tablet.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    await anonymous().fails(401, 'M_MISSING_TOKEN', 'GET', '/v3/account/whoami');
  },
);

onServers(
  'an access token is taken from the header or, for old clients, the query [B007]',
  async ({ person, anonymous }) => {
    const alice = await person('alice');
    const me = await anonymous().ok('GET', `/v3/account/whoami?access_token=${alice.token ?? ''}`);
    assert.equal(me.user_id, alice.userId);
  },
);

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

onServers(
  'a password change asks for the old one and ends other devices [B013 partial]',
  async ({ person, anonymous }) => {
    const alice = await person('alice');
    const identifier = { type: 'm.id.user', user: 'alice' };
    const login = (password: string) =>
      anonymous().ask('POST', '/v3/login', { type: 'm.login.password', identifier, password });
    const other = new TestClient(alice.base, (await login('alice password')).body.access_token);
    const change = { new_password: 'another password' };
    const asked = await alice.ask('POST', '/v3/account/password', change);
    assert.equal(asked.status, 401);
    assert.deepEqual(asked.body.flows, [{ stages: ['m.login.password'] }, { stages: ['m.login.sso'] }]);
    const auth = (password: string) => ({
      type: 'm.login.password',
      identifier,
      password,
      session: asked.body.session,
    });
    const wrong = await alice.ask('POST', '/v3/account/password', { ...change, auth: auth('no') });
    assert.deepEqual([wrong.status, wrong.body.errcode], [401, 'M_FORBIDDEN']);
    await alice.ok('POST', '/v3/account/password', { ...change, auth: auth('alice password') });
    await other.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    await alice.ok('GET', '/v3/account/whoami');
    assert.equal((await login('alice password')).status, 403);
    const kept = await login('another password');
    assert.equal(kept.status, 200);
    const password = { type: 'm.login.password', identifier, password: 'another password' };
    const again = { new_password: 'a third password', logout_devices: false, auth: password };
    await alice.ok('POST', '/v3/account/password', again);
    await new TestClient(alice.base, kept.body.access_token).ok('GET', '/v3/account/whoami');
  },
);

onServers(
  'a session of interactive authentication serves one purpose only [B010 partial]',
  async ({ person }) => {
    const alice = await person('alice');
    const asked = await alice.ask('POST', '/v3/account/password', { new_password: 'another password' });
    const auth = {
      type: 'm.login.password',
      user: 'alice',
      password: 'alice password',
      session: asked.body.session,
    };
    await alice.fails(400, 'M_UNKNOWN', 'POST', '/v3/account/deactivate', { auth });
  },
);

onServers(
  'a closed account is gone for good and out of its rooms [B013 partial]',
  async ({ person, anonymous }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await bob.createRoom({ preset: 'public_chat' });
    await alice.join(room);
    const auth = { type: 'm.login.password', user: 'alice', password: 'alice password' };
    const answer = await alice.ok('POST', '/v3/account/deactivate', { auth });
    assert.equal(answer.id_server_unbind_result, 'success');
    await alice.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
    const login = {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'alice' },
      password: 'alice password',
    };
    await anonymous().fails(403, 'M_USER_DEACTIVATED', 'POST', '/v3/login', login);
    await anonymous().fails(400, 'M_USER_IN_USE', 'GET', '/v3/register/available?username=alice');
    const members = await bob.ok('GET', bob.room(room, '/joined_members'));
    assert.deepEqual(Object.keys(members.joined), [bob.userId]);
  },
);

onServers(
  'who joins after somebody was erased gets their messages redacted, nobody else does [B013]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await bob.createRoom({ preset: 'public_chat' });
    await alice.join(room);
    const eventId = encodeURIComponent(await alice.say(room, 'to be forgotten'));
    await bob.say(room, 'of bob');
    const late = await person('late');
    await late.join(room);
    const auth = { type: 'm.login.password', user: 'alice', password: 'alice password' };
    await alice.ok('POST', '/v3/account/deactivate', { auth, erase: true });
    const later = await person('later');
    await later.join(room);
    for (const [reader, texts] of [
      [bob, ['of bob', 'to be forgotten']],
      [late, ['of bob', 'to be forgotten']],
      [later, ['of bob']],
    ] as const) {
      const { chunk } = await reader.ok('GET', reader.room(room, '/messages?dir=b&limit=50'));
      const messages = chunk.filter((event: Json) => event.type === 'm.room.message');
      assert.equal(messages.length, 2, 'the events are there');
      assert.deepEqual(
        messages.flatMap(({ content }: Json) => content.body ?? []),
        texts,
      );
      const event = await reader.ok('GET', reader.room(room, `/event/${eventId}`));
      assert.equal(event.content.body, texts[1]);
      const timeline = (await reader.sync()).rooms.join[room].timeline.events;
      const shown = timeline.flatMap(({ content }: Json) => content.body ?? []);
      assert.deepEqual(shown, [...texts].reverse());
    }
  },
);

onServers('devices are listed, renamed and deleted with a password [B043]', async ({ person, anonymous }) => {
  const alice = await person('alice');
  const identifier = { type: 'm.id.user', user: 'alice' };
  const login = { type: 'm.login.password', identifier, password: 'alice password' };
  const phone = await anonymous().ok('POST', '/v3/login', {
    ...login,
    device_id: 'PHONE',
    initial_device_display_name: 'phone',
  });
  const names = async () =>
    (await alice.ok('GET', '/v3/devices')).devices.map(
      (device: Json) => device.display_name ?? device.device_id,
    );
  assert.deepEqual((await names()).sort(), [alice.deviceId, 'phone'].sort());
  await alice.ok('PUT', '/v3/devices/PHONE', { display_name: 'my phone' });
  assert.equal((await alice.ok('GET', '/v3/devices/PHONE')).display_name, 'my phone');
  await alice.fails(404, 'M_NOT_FOUND', 'GET', '/v3/devices/NONE');
  const asked = await alice.ask('DELETE', '/v3/devices/PHONE', {});
  assert.equal(asked.status, 401);
  const auth = { ...login, session: asked.body.session };
  await alice.ok('DELETE', '/v3/devices/PHONE', { auth });
  await new TestClient(alice.base, phone.access_token).fails(
    401,
    'M_UNKNOWN_TOKEN',
    'GET',
    '/v3/account/whoami',
  );
  await alice.fails(404, 'M_NOT_FOUND', 'GET', '/v3/devices/PHONE');
});

onServers(
  'a login token opens one session on another device [B012 partial]',
  async ({ person, anonymous }) => {
    const alice = await person('alice');
    const auth = { type: 'm.login.password', user: 'alice', password: 'alice password' };
    const { login_token: token } = await alice.ok('POST', '/v1/login/get_token', { auth });
    const session = await anonymous().ok('POST', '/v3/login', { type: 'm.login.token', token });
    assert.equal(session.user_id, alice.userId);
    await anonymous().fails(403, 'M_FORBIDDEN', 'POST', '/v3/login', { type: 'm.login.token', token });
  },
);

onServers('sessions survive a restart [B007]', async (world) => {
  const alice = await world.person('alice');
  await world.restart();
  const again = new TestClient(world.server.url, alice.token);
  assert.equal((await again.ok('GET', '/v3/account/whoami')).user_id, alice.userId);
});

onServers(
  'versions, capabilities and discovery [B001] [B002] [B008]',
  async ({ person, anonymous }) => {
    const versions = await anonymous().ok('GET', '/_matrix/client/versions');
    assert.ok(versions.versions.includes('v1.19') && versions.versions.includes('r0.6.1'));
    const alice = await person('alice');
    const { capabilities } = await alice.ok('GET', '/v3/capabilities');
    assert.equal(capabilities['m.room_versions']?.default, '12');
    assert.equal(Object.keys(capabilities['m.room_versions']?.available ?? {}).length, 12);
    const enabled = (name: string) => capabilities[`m.${name}`]?.enabled;
    const asIsPossible = ['change_password', 'profile_fields', 'set_displayname', 'set_avatar_url'];
    for (const name of [...asIsPossible, '3pid_changes', 'get_login_token'])
      assert.equal(enabled(name), true, name);
    assert.equal(enabled('forget_forced_upon_leave'), false);
    assert.equal(capabilities['m.account_moderation'], undefined, 'of administrators alone');
    await anonymous().fails(401, 'M_MISSING_TOKEN', 'GET', '/v3/capabilities');
    const wellKnown = await anonymous().ok('GET', '/.well-known/matrix/client');
    assert.equal(wellKnown['m.homeserver']?.base_url, 'https://matrix.example.org');
    const { headers } = await anonymous().ask('GET', '/.well-known/matrix/client');
    assert.equal(headers.get('access-control-allow-origin'), '*');
    await anonymous().fails(404, 'M_NOT_FOUND', 'GET', '/.well-known/matrix/support');
  },
  { env: { MYELIN_PUBLIC_BASE_URL: 'https://matrix.example.org' } },
);
