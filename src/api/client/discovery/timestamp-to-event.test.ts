import assert from 'node:assert/strict';
import { onServers } from '../../../testing/server/test-server.ts';

/** A clock that stands still until it is set. */
const clock = { time: 1_000_000, now: () => clock.time };

onServers(
  'events are found by their time, forwards and backwards [B028 partial]',
  async (s) => {
    clock.time = 1_000_000;
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const room = await alice.createRoom({ preset: 'public_chat' });
    const at = (ts: number, text: string) => {
      clock.time = ts;
      return alice.say(room, text);
    };
    const one = await at(2_000_000, 'one');
    const two = await at(3_000_000, 'two');
    const three = await at(3_000_000, 'three');
    const four = await at(4_000_000, 'four');
    const path = (ts: number | string, dir: string, prefix = '/v1') =>
      `${prefix}/rooms/${encodeURIComponent(room)}/timestamp_to_event?ts=${ts}&dir=${dir}`;
    const find = async (ts: number, dir: string) => (await alice.ok('GET', path(ts, dir))).event_id;
    assert.equal(await find(1_500_000, 'f'), one);
    assert.equal(await find(2_500_000, 'b'), one);
    assert.equal(await find(3_000_000, 'f'), two);
    assert.equal(await find(3_000_000, 'b'), three);
    assert.equal(await find(9_000_000, 'b'), four);
    const whole = await alice.ok('GET', path(2_000_000, 'f', '/unstable/org.matrix.msc3030'));
    assert.deepEqual(whole, { event_id: one, origin_server_ts: 2_000_000 });
    await alice.fails(404, 'M_NOT_FOUND', 'GET', path(4_000_001, 'f'));
    await alice.fails(404, 'M_NOT_FOUND', 'GET', path(999_999, 'b'));
    await bob.fails(403, 'M_FORBIDDEN', 'GET', path(2_000_000, 'f'));
    await alice.fails(400, 'M_INVALID_PARAM', 'GET', path('soon', 'f'));
    await alice.fails(400, 'M_INVALID_PARAM', 'GET', path(1, 'x'));
    const nowhere = '/v1/rooms/!nowhere:localhost/timestamp_to_event?ts=1&dir=f';
    await alice.fails(403, 'M_FORBIDDEN', 'GET', nowhere);

    await alice.setState(room, 'm.room.history_visibility', { history_visibility: 'joined' });
    clock.time = 5_000_000;
    const hidden = await alice.say(room, 'hidden from bob');
    clock.time = 6_000_000;
    await bob.join(room);
    assert.equal(await find(5_000_000, 'b'), hidden);
    assert.equal((await bob.ok('GET', path(4_500_000, 'f'))).origin_server_ts, 6_000_000);
  },
  { overrides: { clock } },
);
