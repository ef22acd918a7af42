import assert from 'node:assert/strict';
import type { Json, TestClient } from '../../../testing/client/test-client.ts';
import { onServers, type TestServer } from '../../../testing/server/test-server.ts';

const TURN = { MYELIN_TURN_URIS: 'turn:turn.example.org', MYELIN_TURN_SHARED_SECRET: 'shh' };

async function found(client: TestClient, term: string, limit?: number): Promise<string[]> {
  const body = { search_term: term, ...(limit === undefined ? {} : { limit }) };
  const answer = await client.ok('POST', '/v3/user_directory/search', body);
  return answer.results.map((result: { user_id: string }) => result.user_id);
}

async function admin(s: TestServer): Promise<TestClient> {
  const client = s.anonymous();
  const { newAccounts } = s.server.services;
  const session = await newAccounts.openSession(await newAccounts.createUser('root', 'root password', true));
  client.token = session.accessToken;
  client.userId = session.userId;
  return client;
}

onServers(
  'The user directory finds people one may know of, by ID and by each word of a name [B038]',
  async (s) => {
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const carol = await s.person('carol');
    const name = { displayname: 'Robert Ünal-Smith' };
    await bob.ok('PUT', `/v3/profile/${bob.userId}/displayname`, name);
    assert.deepEqual(await found(alice, 'robert'), [], 'nobody is found without a room in common');

    const room = await alice.createRoom({ invite: [bob.userId] });
    assert.deepEqual(await found(alice, 'robert'), [], 'an invitation is not enough');
    await bob.join(room);
    for (const term of ['Robert', 'ünal', 'smi', 'SMITH rob', 'bob', '@bob:localhost', 'bob:local']) {
      assert.deepEqual(await found(alice, term), [bob.userId], term);
    }
    for (const term of ['obert', 'robert jones', '', '%', '_', '@', 'alice']) {
      assert.deepEqual(await found(alice, term), [], term);
    }
    const path = alice.room(room, `/state/m.room.member/${encodeURIComponent(bob.userId)}`);
    await bob.ok('PUT', path, { membership: 'join', displayname: 'Secret' });
    assert.deepEqual(await found(alice, 'secret'), [], 'names for one room are not for everybody');
    assert.deepEqual(await found(carol, 'robert'), []);

    await bob.createRoom({ preset: 'public_chat' });
    const body = await carol.ok('POST', '/v3/user_directory/search', { search_term: 'robert' });
    const result = { user_id: bob.userId, display_name: 'Robert Ünal-Smith' };
    assert.deepEqual(body, { results: [result], limited: false });

    await bob.ok('PUT', `/v3/profile/${bob.userId}/displayname`, { displayname: 'Bobby' });
    assert.deepEqual(await found(alice, 'robert'), []);
    assert.deepEqual(await found(alice, 'bobby'), [bob.userId]);
    const auth = {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: 'bob' },
      password: 'bob password',
    };
    const challenge = (await bob.ask('POST', '/v3/account/deactivate', {})).body;
    await bob.ok('POST', '/v3/account/deactivate', { auth: { ...auth, session: challenge.session } });
    assert.deepEqual(await found(alice, 'bobby'), []);
  },
);

onServers('The user directory says when it gives part of what it found', async (s) => {
  const alice = await s.person('alice');
  for (const name of ['mia1', 'mia2', 'mia3']) {
    await (await s.person(name)).createRoom({ initial_state: [worldReadable()] });
  }
  const ask = (limit: number) => alice.ok('POST', '/v3/user_directory/search', { search_term: 'mia', limit });
  const few = await ask(2);
  assert.equal(few.results.length, 2);
  assert.equal(few.limited, true);
  const all = await ask(3);
  assert.equal(all.results.length, 3);
  assert.equal(all.limited, false);
  await alice.fails(400, 'M_MISSING_PARAM', 'POST', '/v3/user_directory/search', {});
});

function worldReadable(): object {
  const content = { history_visibility: 'world_readable' };
  return { type: 'm.room.history_visibility', state_key: '', content };
}

onServers('An OpenID token says whose it is, and opens nothing else [B058] [B113]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const path = `/v3/user/${alice.userId}/openid/request_token`;
  const token = await alice.ok('POST', path, {});
  assert.equal(token.token_type, 'Bearer');
  assert.equal(token.matrix_server_name, 'localhost');
  assert.equal(token.expires_in, 3600);
  const info = '/_matrix/federation/v1/openid/userinfo';
  const nobody = s.anonymous();
  assert.deepEqual(await nobody.ok('GET', `${info}?access_token=${token.access_token}`), {
    sub: alice.userId,
  });
  await nobody.fails(401, 'M_UNKNOWN_TOKEN', 'GET', `${info}?access_token=nothing`);
  await nobody.fails(401, 'M_UNKNOWN_TOKEN', 'GET', `${info}?access_token=${alice.token}`);
  await nobody.fails(401, 'M_MISSING_TOKEN', 'GET', info);
  nobody.token = token.access_token;
  await nobody.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/account/whoami');
  await bob.fails(403, 'M_FORBIDDEN', 'POST', path, {});
});

onServers('Events, rooms and users can be reported [B066]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom();
  const event = await alice.say(room, 'rude');
  const reason = 'rude';
  const eventPath = alice.room(room, `/report/${encodeURIComponent(event)}`);
  await bob.fails(404, 'M_NOT_FOUND', 'POST', eventPath, { reason });
  await alice.ok('POST', eventPath, { reason, score: -100 });
  await alice.ok('POST', eventPath, {});
  await alice.fails(404, 'M_NOT_FOUND', 'POST', alice.room(room, '/report/$nothing'), { reason });
  await bob.ok('POST', bob.room(room, '/report'), { reason });
  await bob.fails(404, 'M_NOT_FOUND', 'POST', bob.room('!nothing:localhost', '/report'), { reason });
  await bob.fails(400, 'M_MISSING_PARAM', 'POST', bob.room(room, '/report'), {});
  await bob.ok('POST', `/v3/users/${alice.userId}/report`, { reason: '' });
  await bob.fails(404, 'M_NOT_FOUND', 'POST', '/v3/users/@nobody:localhost/report', { reason });
  const long = { reason: 'x'.repeat(8_193) };
  await bob.fails(413, 'M_TOO_LARGE', 'POST', `/v3/users/${alice.userId}/report`, long);

  const kept = await s.server.services.reports.latest(10);
  assert.equal(kept.length, 4);
  assert.ok(
    kept.some((row) => row.event_id === event && row.score === -100 && row.reporter === alice.userId),
  );
  assert.ok(kept.some((row) => row.room_id === room && row.event_id === null && row.reporter === bob.userId));
  assert.ok(kept.some((row) => row.user_id === alice.userId && row.reason === ''));
});

onServers('whois shows devices to their user and to administrators', async (s) => {
  const root = await admin(s);
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const path = `/v3/admin/whois/${alice.userId}`;
  for (const asker of [alice, root]) {
    const { user_id: userId, devices } = await asker.ok('GET', path);
    assert.equal(userId, alice.userId);
    if (asker === root) assert.equal(devices[alice.deviceId].sessions[0].connections[0].ip, '127.0.0.1');
  }
  await bob.fails(403, 'M_FORBIDDEN', 'GET', path);
  await root.fails(404, 'M_NOT_FOUND', 'GET', '/v3/admin/whois/@nobody:localhost');
});

onServers(
  'A locked account can log out and nothing else, in every process, until it is unlocked [B041] [B023]',
  async (s) => {
    const root = await admin(s);
    const alice = await s.person('alice');
    const path = `/v1/admin/lock/${alice.userId}`;
    assert.deepEqual(await root.ok('GET', path), { locked: false });
    const other = await s.another();
    await alice.sync();
    const elsewhere = Object.assign(s.anonymous(), { base: other.url, token: alice.token });
    await elsewhere.sync();
    assert.deepEqual(await root.ok('PUT', path, { locked: true }), { locked: true });
    assert.deepEqual(await root.ok('GET', `/unstable/uk.timedout.msc4323/admin/lock/${alice.userId}`), {
      locked: true,
    });
    for (const client of [alice, elsewhere]) {
      const body = await client.fails(401, 'M_USER_LOCKED', 'GET', '/v3/sync');
      assert.equal(body.soft_logout, true);
    }
    await root.ok('PUT', path, { locked: false });
    await alice.sync();
    await root.ok('PUT', path, { locked: true });
    await alice.ok('POST', '/v3/logout', {});

    await alice.fails(401, 'M_UNKNOWN_TOKEN', 'GET', '/v3/sync');
    await root.fails(403, 'M_FORBIDDEN', 'PUT', `/v1/admin/lock/${root.userId}`, { locked: true });
    await root.fails(404, 'M_NOT_FOUND', 'GET', '/v1/admin/lock/@nobody:localhost');
    await root.fails(400, 'M_INVALID_PARAM', 'GET', '/v1/admin/lock/@alice:elsewhere.org');
    const bob = await s.person('bob');
    await bob.fails(403, 'M_FORBIDDEN', 'GET', path);
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', path, { locked: false });
    assert.deepEqual((await root.ok('GET', '/v3/capabilities')).capabilities['m.account_moderation'], {
      suspend: true,
      lock: true,
    });
    assert.equal((await bob.ok('GET', '/v3/capabilities')).capabilities['m.account_moderation'], undefined);
  },
);

onServers('A locked account gets no new access token, however it asks', async (s) => {
  const root = await admin(s);
  const alice = await s.person('alice');
  const identifier = { type: 'm.id.user', user: 'alice' };
  const byPassword = { type: 'm.login.password', identifier, password: 'alice password' };
  const { refresh_token } = await s
    .anonymous()
    .ok('POST', '/v3/login', { ...byPassword, refresh_token: true });
  const session = { auth: { ...byPassword } };
  const { login_token: token } = await alice.ok('POST', '/v1/login/get_token', session);
  await root.ok('PUT', `/v1/admin/lock/${alice.userId}`, { locked: true });
  const refused = (path: string, body: Json) => s.anonymous().fails(401, 'M_USER_LOCKED', 'POST', path, body);
  const answers = [
    await refused('/v3/login', byPassword),
    await refused('/v3/login', { type: 'm.login.token', token }),
    await refused('/v3/refresh', { refresh_token }),
  ];
  for (const { soft_logout: isSoft } of answers) assert.equal(isSoft, true);
  const wrong = { ...byPassword, password: 'another' };
  await s.anonymous().fails(403, 'M_FORBIDDEN', 'POST', '/v3/login', wrong);
  await root.ok('PUT', `/v1/admin/lock/${alice.userId}`, { locked: false });
  await s.anonymous().ok('POST', '/v3/refresh', { refresh_token });
});

onServers(
  'A suspended account may read, leave and take back what it said, but not take part [B041] [B024]',
  async (s) => {
    const root = await admin(s);
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const room = await bob.createRoom({ preset: 'public_chat' });
    const second = await bob.createRoom({ invite: [alice.userId] });
    await alice.join(room);
    const own = await alice.say(room, 'mine');
    const others = await bob.say(room, 'his');
    const path = `/v1/admin/suspend/${alice.userId}`;
    assert.deepEqual(await root.ok('PUT', path, { suspended: true }), { suspended: true });
    assert.deepEqual(await root.ok('GET', path), { suspended: true });
    const refused = (method: string, at: string, body: object) =>
      alice.fails(403, 'M_USER_SUSPENDED', method, at, body);
    await refused('PUT', alice.room(room, '/send/m.room.message/1'), { msgtype: 'm.text', body: 'x' });
    await refused('PUT', alice.room(room, '/state/m.room.topic/'), { topic: 'x' });
    await refused('POST', `/v3/join/${encodeURIComponent(second)}`, {});
    await refused('POST', alice.room(second, '/join'), {});
    await refused('POST', `/v3/knock/${encodeURIComponent(second)}`, {});
    await refused('POST', alice.room(room, '/invite'), { user_id: root.userId });
    await refused('POST', '/v3/createRoom', {});
    await refused('PUT', `/v3/profile/${alice.userId}/displayname`, { displayname: 'x' });
    await refused('PUT', alice.room(room, `/redact/${encodeURIComponent(others)}/2`), {});
    await alice.ok('PUT', alice.room(room, `/redact/${encodeURIComponent(own)}/3`), {});
    await alice.sync();
    await alice.ok('GET', alice.room(room, '/messages?dir=b'));
    const device = { [alice.userId]: { [alice.deviceId]: { method: 'm.sas.v1' } } };
    const start = '/v3/sendToDevice/m.key.verification.start/1';
    await alice.ok('PUT', start, { messages: device });
    await alice.ok('POST', '/v3/keys/query', { device_keys: { [alice.userId]: [] } });
    await alice.ok('POST', alice.room(second, '/leave'), {});
    await alice.ok('POST', alice.room(room, '/leave'), {});
    await root.ok('PUT', path, { suspended: false });
    await alice.join(room);
  },
);

onServers('Mutual rooms are those that both are joined to [B057]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const rooms: string[] = [];
  for (let i = 0; i < 3; i++) rooms.push(await alice.createRoom({ preset: 'public_chat' }));
  const [first = '', second = ''] = rooms;
  await bob.join(first);
  await bob.join(second);
  const path = `/v1/mutual_rooms?user_id=${encodeURIComponent(bob.userId)}`;
  assert.deepEqual(await alice.ok('GET', path), { joined: [first, second].sort(), count: 2 });
  const unstable = '/unstable/uk.half-shot.msc2666/user/mutual_rooms';
  const asked = await alice.ok('GET', `${unstable}?user_id=${encodeURIComponent(bob.userId)}`);
  assert.deepEqual(asked, { joined: [first, second].sort() });
  const nobody = encodeURIComponent('@nobody:localhost');
  assert.deepEqual(await alice.ok('GET', `/v1/mutual_rooms?user_id=${nobody}`), { joined: [], count: 0 });
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', `${path}&from=nothing`);
  const self = encodeURIComponent(alice.userId);
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', `/v1/mutual_rooms?user_id=${self}`);
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', '/v1/mutual_rooms?user_id=bob');
  const from = Buffer.from([first, second].sort()[0] ?? '').toString('base64url');
  const rest = await alice.ok('GET', `${path}&from=${from}`);
  assert.deepEqual(rest, { joined: [[first, second].sort()[1]], count: 2 });
});

onServers(
  'TURN credentials last as long as is configured and belong to the user',
  async (s) => {
    const alice = await s.person('alice');
    const { username, password, uris, ttl } = await alice.ok('GET', '/v3/voip/turnServer');
    assert.deepEqual(uris, ['turn:turn.example.org']);
    assert.equal(ttl, 3600);
    const [until, ...user] = username.split(':');
    assert.equal(user.join(':'), alice.userId);
    assert.ok(Math.abs(Number(until) - Date.now() / 1000 - 3600) < 30);
    assert.match(password, /^[A-Za-z0-9+/]{27}=$/);
    await s.anonymous().fails(401, 'M_MISSING_TOKEN', 'GET', '/v3/voip/turnServer');
  },
  { env: TURN },
);

onServers('Without a TURN server there are no credentials', async (s) => {
  assert.deepEqual(await (await s.person('alice')).ok('GET', '/v3/voip/turnServer'), {});
});
