import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation/federation.ts';
import { TestClient, type Json } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

onServers(
  'a profile has room for less than 64 KiB, under names of 255 bytes, and for a time zone [B037]',
  async (s) => {
    const alice = await s.person('alice');
    const path = `/v3/profile/${alice.userId}`;
    const put = (key: string, value: unknown) => alice.ok('PUT', `${path}/${key}`, { [key]: value });
    await put('m.tz', 'Europe/Berlin');
    assert.deepEqual(await alice.ok('GET', `${path}/m.tz`), { 'm.tz': 'Europe/Berlin' });
    await alice.fails(400, 'M_INVALID_PARAM', 'PUT', `${path}/m.tz`, { 'm.tz': 1 });
    await alice.fails(400, 'M_MISSING_PARAM', 'PUT', `${path}/m.tz`, { 'org.example.other': 'x' });
    const longest = 'k'.repeat(255);
    for (const value of ['text', 7, true, null, ['list', 1], { nested: { deep: [null] } }]) {
      await put(longest, value);
      assert.deepEqual((await alice.ok('GET', path))[longest], value);
    }
    await alice.ok('DELETE', `${path}/${longest}`);
    await alice.ok('DELETE', `${path}/${longest}`);
    assert.deepEqual(Object.keys(await alice.ok('GET', path)).sort(), ['displayname', 'm.tz']);
    const rest = 65_535 - Buffer.byteLength(JSON.stringify({ ...(await alice.ok('GET', path)), big: '' }));
    const big = `${path}/big`;
    await alice.fails(400, 'M_PROFILE_TOO_LARGE', 'PUT', big, { big: 'x'.repeat(rest + 1) });
    await put('big', 'x'.repeat(rest));
    await alice.fails(400, 'M_PROFILE_TOO_LARGE', 'PUT', `${path}/more`, { more: 1 });
    await s.restart();
    const again = s.anonymous();
    assert.equal((await again.ok('GET', path)).big.length, rest);
  },
);

onServers(
  'a name or picture that is no text, or would fit into no event, is refused as a whole [B037]',
  async (s) => {
    const alice = await s.person('alice');
    await alice.createRoom();
    for (const [key, longest] of [
      ['displayname', 256],
      ['avatar_url', 1_000],
    ] as const) {
      const path = `/v3/profile/${alice.userId}/${key}`;
      const value = 'mxc://x/'.padEnd(longest, 'é');
      await alice.ok('PUT', path, { [key]: value });
      await alice.fails(400, 'M_INVALID_PARAM', 'PUT', path, { [key]: `${value}é` });
      await alice.fails(400, 'M_INVALID_PARAM', 'PUT', path, { [key]: null });
      assert.deepEqual(await alice.ok('GET', path), { [key]: value });
    }
  },
);

onFederation(
  'fields of a profile are told to other servers, and names and pictures in rooms [B037 partial]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const path = (user: string) => `/v3/profile/${encodeURIComponent(user)}`;
    await bob.ok('PUT', `${path(bob.userId)}/m.tz`, { 'm.tz': 'Asia/Tokyo' });
    await bob.ok('PUT', `${path(bob.userId)}/org.example.pronouns`, { 'org.example.pronouns': ['they'] });
    assert.deepEqual(await alice.ok('GET', `${path(bob.userId)}/m.tz`), { 'm.tz': 'Asia/Tokyo' });
    const whole = await alice.ok('GET', path(bob.userId));
    assert.deepEqual(whole['org.example.pronouns'], ['they']);
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room, a.name);
    const { next_batch: since } = await alice.sync();
    await bob.ok('PUT', `${path(bob.userId)}/avatar_url`, { avatar_url: 'mxc://there/new' });
    const hasPicture = (event: Json) =>
      event.state_key === bob.userId && event.content.avatar_url === 'mxc://there/new';
    await alice.syncUntil(since, (body) =>
      (body.rooms?.join?.[room]?.timeline?.events ?? []).some(hasPicture),
    );
    await bob.ok('DELETE', `${path(bob.userId)}/displayname`);
    await alice.syncUntil(since, (body) =>
      (body.rooms?.join?.[room]?.timeline?.events ?? []).some(
        (event: Json) => hasPicture(event) && event.content.displayname === undefined,
      ),
    );
  },
);

onServers('profiles show in rooms and have limits [B037 partial]', async ({ person, anonymous }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const path = `/v3/profile/${bob.userId}`;
  await bob.ok('PUT', `${path}/displayname`, { displayname: 'Bobby' });
  await bob.ok('PUT', `${path}/org.example.mood`, { 'org.example.mood': { now: 'happy' } });
  assert.deepEqual(await anonymous().ok('GET', path), {
    displayname: 'Bobby',
    'org.example.mood': { now: 'happy' },
  });
  const members = await alice.ok('GET', alice.room(room, '/joined_members'));
  assert.deepEqual(members.joined?.[bob.userId], { display_name: 'Bobby', avatar_url: null });
  await bob.ok('DELETE', `${path}/org.example.mood`);
  await anonymous().fails(404, 'M_NOT_FOUND', 'GET', `${path}/org.example.mood`);
  await alice.fails(403, 'M_FORBIDDEN', 'PUT', `${path}/displayname`, { displayname: 'Eve' });
  await anonymous().fails(404, 'M_NOT_FOUND', 'GET', '/v3/profile/@nobody:localhost');
  const key = 'k'.repeat(256);
  await bob.fails(400, 'M_KEY_TOO_LARGE', 'PUT', `${path}/${key}`, { [key]: 1 });
  await bob.fails(400, 'M_PROFILE_TOO_LARGE', 'PUT', `${path}/big`, { big: 'x'.repeat(66_000) });
  await bob.fails(400, 'M_MISSING_PARAM', 'PUT', `${path}/displayname`, {});
});

onServers('one field of a profile is read, whoever asks [B037 partial]', async ({ person, anonymous }) => {
  const alice = await person('alice');
  const path = `/v3/profile/${alice.userId}`;
  assert.deepEqual(await anonymous().ok('GET', `${path}/displayname`), { displayname: 'alice' });
  await alice.ok('PUT', `${path}/org.example.colour`, { 'org.example.colour': 'green' });
  const colour = await anonymous().ok('GET', `${path}/org.example.colour`);
  assert.deepEqual(colour, { 'org.example.colour': 'green' });
  await alice.ok('DELETE', `${path}/org.example.colour`);
  await anonymous().fails(404, 'M_NOT_FOUND', 'GET', `${path}/org.example.colour`);
});

onServers('profiles have no fields that nobody set [B037 partial]', async ({ person, anonymous }) => {
  const alice = await person('alice');
  for (const key of ['constructor', 'toString', '__proto__']) {
    await anonymous().fails(404, 'M_NOT_FOUND', 'GET', `/v3/profile/${alice.userId}/${key}`);
  }
  await alice.fails(400, 'M_INVALID_PARAM', 'PUT', `/v3/profile/${alice.userId}/Not%20Allowed!`, {
    'Not Allowed!': 1,
  });
});

onServers(
  'a new name reaches the other rooms, whatever the join rule of one is [B037 partial]',
  async ({ person }) => {
    for (const [room_version, join_rule] of [
      ['6', 'knock'],
      ['12', 'private'],
    ]) {
      const alice = await person(`alice${room_version}`);
      const before = await alice.createRoom();
      const odd = await alice.createRoom({ room_version });
      const after = await alice.createRoom();
      await alice.setState(odd, 'm.room.join_rules', { join_rule });
      await alice.ok('PUT', `/v3/profile/${alice.userId}/displayname`, { displayname: 'New' });
      for (const room of [before, after]) {
        const member = await alice.ok('GET', alice.room(room, `/state/m.room.member/${alice.userId}`));
        assert.equal(member.displayname, 'New');
      }
    }
  },
);

onServers(
  'of two names that are set at two processes rooms get the one that the profile has [B037]',
  async (s) => {
    const alice = await s.person('alice');
    const room = await alice.createRoom();
    const other = await s.another();
    const elsewhere = new TestClient(other.url, alice.token);
    const path = `/v3/profile/${alice.userId}/displayname`;
    const { writer } = s.server.services;
    const append = writer.append.bind(writer);
    const isAtRoom = Promise.withResolvers<void>();
    const gate = Promise.withResolvers<void>();
    writer.append = async (...what) => {
      isAtRoom.resolve();
      await gate.promise;
      return append(...what);
    };
    const first = alice.ok('PUT', path, { displayname: 'First' });
    await isAtRoom.promise;
    await elsewhere.ok('PUT', path, { displayname: 'Second' });
    gate.resolve();
    await first;
    const member = await alice.ok('GET', alice.room(room, `/state/m.room.member/${alice.userId}`));
    assert.equal(member.displayname, 'Second');
  },
  { engines: ['postgres'] },
);
