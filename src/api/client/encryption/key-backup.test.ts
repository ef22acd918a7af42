import assert from 'node:assert/strict';
import { onServers } from '../../../testing/server/test-server.ts';
import type { Json } from '../../../testing/client/test-client.ts';

const ALGORITHM = 'm.megolm_backup.v1.curve25519-aes-sha2';

function key(index: number, more: object = {}): Json {
  return {
    first_message_index: index,
    forwarded_count: 0,
    is_verified: false,
    session_data: { ciphertext: `of ${index}` },
    ...more,
  };
}

onServers('a backup is made, told about, changed and deleted [B045 partial]', async (s) => {
  const alice = await s.person('alice');
  await alice.fails(404, 'M_NOT_FOUND', 'GET', '/v3/room_keys/version');
  const made = await alice.ok('POST', '/v3/room_keys/version', { algorithm: ALGORITHM, auth_data: { a: 1 } });
  const expected = { version: made.version, algorithm: ALGORITHM, auth_data: { a: 1 }, etag: '0', count: 0 };
  assert.deepEqual(await alice.ok('GET', '/v3/room_keys/version'), expected);
  const path = `/v3/room_keys/version/${made.version}`;
  await alice.ok('PUT', path, { algorithm: ALGORITHM, auth_data: { a: 2 } });
  assert.deepEqual((await alice.ok('GET', path)).auth_data, { a: 2 });
  await alice.fails(400, 'M_INVALID_PARAM', 'PUT', path, { algorithm: 'another', auth_data: {} });
  await alice.fails(400, 'M_INVALID_PARAM', 'PUT', path, {
    algorithm: ALGORITHM,
    auth_data: {},
    version: '99',
  });
  await alice.fails(404, 'M_NOT_FOUND', 'GET', '/v3/room_keys/version/99');
  await alice.ok('DELETE', path);
  await alice.fails(404, 'M_NOT_FOUND', 'GET', '/v3/room_keys/version');
  await alice.ok('DELETE', path);
  await alice.fails(404, 'M_NOT_FOUND', 'DELETE', '/v3/room_keys/version/99');
  await alice.fails(404, 'M_NOT_FOUND', 'DELETE', '/v3/room_keys/version/none');
  const bob = await s.person('bob');
  await bob.fails(404, 'M_NOT_FOUND', 'DELETE', path);
  const next = await alice.ok('POST', '/v3/room_keys/version', { algorithm: ALGORITHM, auth_data: {} });
  assert.notEqual(next.version, made.version);
  const newer = `/v3/room_keys/version/${next.version}`;
  await Promise.all([alice.ok('DELETE', newer), alice.ok('DELETE', newer)]);
});

onServers('of two keys of a session the better one is kept [B045 partial]', async (s) => {
  const alice = await s.person('alice');
  const { version } = await alice.ok('POST', '/v3/room_keys/version', {
    algorithm: ALGORITHM,
    auth_data: {},
  });
  const path = `/v3/room_keys/keys/${encodeURIComponent('!a:b')}/session?version=${version}`;
  const offers: [Json, boolean][] = [
    [key(5, { forwarded_count: 3 }), true],
    [key(6), false],
    [key(5, { forwarded_count: 4 }), false],
    [key(5, { forwarded_count: 2 }), true],
    [key(4, { forwarded_count: 9 }), true],
    [key(9, { is_verified: true, forwarded_count: 9 }), true],
    [key(1), false],
    [key(9, { is_verified: true, forwarded_count: 9, session_data: { same: true } }), false],
  ];
  let kept: Json;
  let etag = '0';
  for (const [offer, isBetter] of offers) {
    const answer = await alice.ok('PUT', path, offer);
    assert.equal(answer.count, 1);
    assert.equal(answer.etag !== etag, isBetter, JSON.stringify(offer));
    etag = answer.etag;
    if (isBetter) kept = offer;
    assert.deepEqual(await alice.ok('GET', path), kept);
  }
});

onServers('keys are kept and given by session, room and all together [B045 partial]', async (s) => {
  const alice = await s.person('alice');
  const { version } = await alice.ok('POST', '/v3/room_keys/version', {
    algorithm: ALGORITHM,
    auth_data: {},
  });
  const q = `?version=${version}`;
  const rooms = {
    '!a:b': { sessions: { one: key(1), two: key(2) } },
    '!c:d': { sessions: { three: key(3) } },
  };
  const put = await alice.ok('PUT', `/v3/room_keys/keys${q}`, { rooms });
  assert.equal(put.count, 3);
  assert.deepEqual(await alice.ok('GET', `/v3/room_keys/keys${q}`), { rooms });
  const room = `/v3/room_keys/keys/${encodeURIComponent('!a:b')}`;
  assert.deepEqual(await alice.ok('GET', `${room}${q}`), rooms['!a:b']);
  assert.deepEqual(await alice.ok('GET', `${room}/two${q}`), key(2));
  await alice.fails(404, 'M_NOT_FOUND', 'GET', `${room}/missing${q}`);
  assert.equal((await alice.ok('DELETE', `${room}/two${q}`)).count, 2);
  assert.equal((await alice.ok('PUT', `${room}${q}`, { sessions: { four: key(4) } })).count, 3);
  assert.equal((await alice.ok('DELETE', `${room}${q}`)).count, 1);
  assert.deepEqual(await alice.ok('GET', `${room}${q}`), { sessions: {} });
  assert.equal((await alice.ok('DELETE', `/v3/room_keys/keys${q}`)).count, 0);
  assert.equal((await alice.ok('GET', '/v3/room_keys/version')).count, 0);
});

onServers(
  'keys go into the newest backup only, and devices writing at once lose nothing [B045 partial]',
  async (s) => {
    const alice = await s.person('alice');
    const body = { algorithm: ALGORITHM, auth_data: {} };
    const { version: old } = await alice.ok('POST', '/v3/room_keys/version', body);
    const { version } = await alice.ok('POST', '/v3/room_keys/version', body);
    const path = (session: string, of: string) =>
      `/v3/room_keys/keys/${encodeURIComponent('!a:b')}/${session}?version=${of}`;
    const refused = await alice.fails(403, 'M_WRONG_ROOM_KEYS_VERSION', 'PUT', path('x', old), key(1));
    assert.equal(refused.current_version, version);
    await Promise.all(Array.from({ length: 20 }, (_, i) => alice.ok('PUT', path(`s${i}`, version), key(i))));
    assert.equal((await alice.ok('GET', '/v3/room_keys/version')).count, 20);
    const bob = await s.person('bob');
    await bob.fails(404, 'M_NOT_FOUND', 'GET', path('s1', version));
    await alice.fails(400, 'M_BAD_JSON', 'PUT', path('s1', version), { ...key(1), is_verified: 'yes' });
    await alice.fails(400, 'M_MISSING_PARAM', 'GET', '/v3/room_keys/keys');
  },
);
