import assert from 'node:assert/strict';
import type { JsonObject } from '../protocol/json.ts';
import { onFederation } from '../testing/federation/federation.ts';
import type { Answered } from '../testing/federation/remote-server.ts';
import { withBob } from '../testing/federation/remote-room-mate.ts';
import { roomWithGuest } from '../testing/federation/room-with-guest.ts';

/** More levels than the call stack has room for. */
const DEEP = 20_000;

/** An answer with a key more, which is nested deeply. */
function nested(body: JsonObject, key: string): Answered {
  const text = JSON.stringify({ ...body, [key]: null });
  const deep = `${'['.repeat(DEEP)}${']'.repeat(DEEP)}`;
  return { status: 200, body: Buffer.from(text.replace(`"${key}":null`, `"${key}":{"x":${deep}}`)) };
}

onFederation(
  'a server whose answer about its keys is nested deeply does not keep others out of the rooms that it is in',
  async (federation) => {
    const { a, b } = federation;
    const { roomId, room, remote } = await roomWithGuest(federation);
    const bob = await b.person('bob');
    remote.answer = ({ url }) =>
      url.startsWith('/_matrix/key/v2/server') ? nested(remote.publishedKeys(), 'unsigned') : undefined;
    assert.deepEqual(await bob.join(roomId, a.name), { room_id: roomId });
    assert.ok(remote.seen.some(({ url }) => url.startsWith('/_matrix/key/v2/server')));
    assert.equal((await bob.ask('GET', bob.room(roomId, '/members'))).status, 200, room.userId);
  },
);

withBob(
  'answers of other servers that are nested deeply are failures of those servers',
  async ({ remote, alice, bob }) => {
    const keys = { user_id: bob, device_id: 'PHONE', algorithms: [], keys: {}, signatures: {} };
    remote.answer = ({ url }) => {
      if (url.includes('/user/devices/')) {
        const { body } = nested(keys, 'more');
        const device = `{"device_id":"PHONE","keys":${body.toString()}}`;
        const text = `{"user_id":"${bob}","stream_id":1,"devices":[${device}]}`;
        return { status: 200, body: Buffer.from(text) };
      }
      if (url.includes('/publicRooms')) return nested({ chunk: [] }, 'more');
      if (url.includes('/query/profile')) return nested({ displayname: 'Bob' }, 'more');
      return undefined;
    };
    const { failures } = await alice.ok('POST', '/v3/keys/query', { device_keys: { [bob]: [] } });
    assert.deepEqual(Object.keys(failures), [remote.name]);
    await alice.fails(502, 'M_UNKNOWN', 'GET', `/v3/publicRooms?server=${remote.name}`);
    await alice.fails(502, 'M_UNKNOWN', 'GET', `/v3/profile/${encodeURIComponent(bob)}`);
  },
);
