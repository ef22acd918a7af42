import assert from 'node:assert/strict';
import type { TestClient } from '../../../testing/client/test-client.ts';
import { onServers, type TestServer } from '../../../testing/server/test-server.ts';

async function guest(s: TestServer): Promise<TestClient> {
  const client = s.anonymous();
  const body = await client.ok('POST', '/v3/register?kind=guest', {});
  const { access_token: token, user_id: userId, device_id: deviceId } = body;
  return Object.assign(client, { token, userId, deviceId });
}

onServers(
  'Guests join where they may, and are out when the room changes its mind [B049 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const visitor = await guest(s);
    const join = visitor.room(room, '/join');
    await visitor.fails(403, 'M_GUEST_ACCESS_FORBIDDEN', 'POST', join, {});
    const own = visitor.room(room, `/state/m.room.member/${encodeURIComponent(visitor.userId)}`);
    for (const path of [own, `${own}?org.matrix.msc4140.delay=1`])
      await visitor.fails(403, 'M_GUEST_ACCESS_FORBIDDEN', 'PUT', path, { membership: 'join' });
    await alice.setState(room, 'm.room.guest_access', { guest_access: 'can_join' });
    await visitor.ok('POST', join, {});
    await visitor.say(room, 'hello');
    await visitor.fails(403, 'M_GUEST_ACCESS_FORBIDDEN', 'POST', '/v3/createRoom', {});
    await visitor.fails(403, 'M_GUEST_ACCESS_FORBIDDEN', 'POST', '/v3/user_directory/search', {
      search_term: 'a',
    });
    await alice.setState(room, 'm.room.guest_access', { guest_access: 'forbidden' });
    const { joined } = await alice.ok('GET', alice.room(room, '/joined_members'));
    assert.deepEqual(Object.keys(joined).sort(), [alice.userId, bob.userId]);
    const path = `/state/m.room.member/${encodeURIComponent(visitor.userId)}`;
    assert.equal((await alice.ok('GET', alice.room(room, path))).membership, 'leave');
  },
  { env: { MYELIN_REGISTRATION_GUESTS: 'true' } },
);

onServers(
  'Guests are out when the event that let them in is redacted [B049 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const visitor = await guest(s);
    const room = await alice.createRoom({ preset: 'public_chat' });
    const access = await alice.setState(room, 'm.room.guest_access', { guest_access: 'can_join' });
    await visitor.ok('POST', visitor.room(room, '/join'), {});
    const other = await visitor.say(room, 'hello');
    const member = alice.room(room, `/state/m.room.member/${encodeURIComponent(visitor.userId)}`);
    for (const [redacted, left] of [
      [other, 'join'],
      [access, 'leave'],
    ] as const) {
      await alice.ok('PUT', alice.room(room, `/redact/${encodeURIComponent(redacted)}/1`), {});
      assert.equal((await alice.ok('GET', member)).membership, left);
    }
  },
  { env: { MYELIN_REGISTRATION_GUESTS: 'true' } },
);

onServers(
  'Guests may do what the specification lists, and nothing else [B049]',
  async (s) => {
    const alice = await s.person('alice');
    const room = await alice.createRoom({
      preset: 'public_chat',
      initial_state: [{ type: 'm.room.guest_access', content: { guest_access: 'can_join' } }],
    });
    const visitor = await guest(s);
    await visitor.ok('POST', visitor.room(room, '/join'), {});
    const eventId = encodeURIComponent(await visitor.say(room, 'hello'));
    const { userId, deviceId } = visitor;
    const profile = (key: string) => `/v3/profile/${encodeURIComponent(userId)}/${key}`;
    const name = { displayname: 'Visitor' };
    for (const path of ['/state', '/messages?dir=b', '/members', '/initialSync', '/state/m.room.create/'])
      await visitor.ok('GET', visitor.room(room, path));
    for (const path of [`/context/${eventId}`, `/event/${eventId}`])
      await visitor.ok('GET', visitor.room(room, path));
    await visitor.sync();
    await visitor.ok('GET', `/v3/events?room_id=${encodeURIComponent(room)}`);
    await visitor.send(room, 'org.example.any', {});
    const state = visitor.room(room, '/state/org.example.any/');
    await visitor.fails(403, 'M_FORBIDDEN', 'PUT', state, {});
    await visitor.ok('PUT', '/v3/sendToDevice/org.example.any/1', { messages: {} });
    await visitor.ok('PUT', profile('displayname'), name);
    await visitor.ok('DELETE', profile('displayname'));
    await visitor.ok('GET', '/v3/devices');
    await visitor.ok('GET', `/v3/devices/${deviceId}`);
    await visitor.ok('PUT', `/v3/devices/${deviceId}`, { display_name: 'mine' });
    assert.equal((await visitor.ok('GET', '/v3/account/whoami')).is_guest, true);
    await visitor.ok('POST', '/v3/keys/upload', {});
    await visitor.ok('POST', '/v3/keys/query', { device_keys: {} });
    await visitor.ok('POST', '/v3/keys/claim', { one_time_keys: {} });
    await visitor.ok('POST', visitor.room(room, '/leave'), {});
    const refused: [string, string, object?][] = [
      ['POST', visitor.room(room, '/invite'), { user_id: alice.userId }],
      ['POST', visitor.room(room, '/kick'), { user_id: alice.userId }],
      ['POST', '/v3/createRoom', {}],
      ['PUT', profile('avatar_url'), { avatar_url: 'mxc://localhost/x' }],
      ['DELETE', profile('m.tz')],
      ['POST', '/v3/account/password', { new_password: 'a new password' }],
      ['GET', '/v3/account/3pid'],
      ['POST', '/v3/search', { search_categories: {} }],
      ['GET', '/v3/initialSync'],
      ['POST', '/v3/user_directory/search', { search_term: 'a' }],
      ['PUT', `/v3/directory/room/${encodeURIComponent('#a:localhost')}`, { room_id: room }],
      ['GET', '/v3/pushrules/'],
      ['GET', '/v3/voip/turnServer'],
      ['POST', '/v3/keys/device_signing/upload', {}],
    ];
    for (const [method, path, body] of refused) {
      await visitor.fails(403, 'M_GUEST_ACCESS_FORBIDDEN', method, path, body);
    }
  },
  { env: { MYELIN_REGISTRATION_GUESTS: 'true' } },
);

onServers(
  'A guest whose account is locked does not become a user [B041 partial] [B049 partial]',
  async (s) => {
    const { newAccounts } = s.server.services;
    const session = await newAccounts.openSession(
      await newAccounts.createUser('root', 'root password', true),
    );
    const root = Object.assign(s.anonymous(), { token: session.accessToken });
    const visitor = await guest(s);
    await root.ok('PUT', `/v1/admin/lock/${encodeURIComponent(visitor.userId)}`, { locked: true });
    const wishes = {
      username: visitor.userId.slice(1, visitor.userId.indexOf(':')),
      password: 'a long password',
      auth: { type: 'm.login.dummy' },
      guest_access_token: visitor.token,
    };
    await s.anonymous().fails(401, 'M_USER_LOCKED', 'POST', '/v3/register', wishes);
  },
  { env: { MYELIN_REGISTRATION_GUESTS: 'true' } },
);

onServers(
  'A guest becomes a user of the same name [B049 partial]',
  async (s) => {
    const visitor = await guest(s);
    const other = await guest(s);
    const username = visitor.userId.slice(1, visitor.userId.indexOf(':'));
    const wishes = {
      password: 'a long password',
      auth: { type: 'm.login.dummy' },
      guest_access_token: visitor.token,
    };
    const name = `/v3/profile/${visitor.userId}/displayname`;
    await visitor.ok('PUT', name, { displayname: 'Carol' });
    const register = (more: object) => s.anonymous().ask('POST', '/v3/register', { ...wishes, ...more });
    const errcode = async (more: object) => (await register(more)).body.errcode;
    assert.equal(await errcode({}), 'M_MISSING_PARAM');
    assert.equal(await errcode({ username: 'another' }), 'M_FORBIDDEN');
    assert.equal(await errcode({ username, guest_access_token: other.token }), 'M_FORBIDDEN');
    assert.equal(await errcode({ username, guest_access_token: 'nonsense' }), 'M_UNKNOWN_TOKEN');
    const { status, body } = await register({ username });
    assert.equal(status, 200, JSON.stringify(body));
    assert.equal(body.user_id, visitor.userId);
    const user = Object.assign(s.anonymous(), { token: body.access_token });
    assert.equal((await user.ok('GET', '/v3/account/whoami')).is_guest, false);
    assert.equal((await user.ok('GET', name)).displayname, 'Carol', 'who chose a name keeps it');
    await user.createRoom({});
    assert.equal((await visitor.ok('GET', '/v3/account/whoami')).is_guest, false);
    const login = { type: 'm.login.password', identifier: { type: 'm.id.user', user: username } };
    await user.ok('POST', '/v3/login', { ...login, password: wishes.password });
    assert.equal(await errcode({ username }), 'M_FORBIDDEN', 'a user is no guest');
  },
  { env: { MYELIN_REGISTRATION_GUESTS: 'true' } },
);
