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

onServers(
  'beyond very many hidden events it is one’s own coming or going that is found [B028 partial]',
  async (s) => {
    clock.time = 1_000_000;
    const [alice, bob] = [await s.person('alice'), await s.person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await alice.setState(room, 'm.room.history_visibility', { history_visibility: 'joined' });
    const at = (ts: number) => (clock.time = ts);
    const find = (ts: number, dir: string) =>
      bob.ok('GET', `/v1/rooms/${encodeURIComponent(room)}/timestamp_to_event?ts=${ts}&dir=${dir}`);
    const sayMuch = async () => {
      for (let said = 0; said < 1_040; said += 40) {
        await Promise.all(Array.from({ length: 40 }, () => alice.say(room, 'hidden')));
      }
    };
    at(2_000_000);
    await sayMuch();
    at(3_000_000);
    await bob.join(room);
    at(4_000_000);
    await bob.ok('PUT', `/v3/profile/${bob.userId}/displayname`, { displayname: 'Robert' });
    assert.equal((await find(2_000_000, 'f')).origin_server_ts, 3_000_000);
    at(5_000_000);
    await bob.ok('POST', bob.room(room, '/leave'), {});
    at(6_000_000);
    await sayMuch();
    assert.equal((await find(7_000_000, 'b')).origin_server_ts, 5_000_000);
  },
  { overrides: { clock } },
);
