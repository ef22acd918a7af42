import assert from 'node:assert/strict';
import { bodies, type Json } from '../../../src/testing/client/test-client.ts';
import { publicRoom, type Scenario } from '../scene.ts';

/** More than a page of a client, and more than a server asks for at once. */
const MANY = 120;

const backfill: Scenario = {
  feature: 'history from before the join',
  async run(scene) {
    const [alice, bob] = [await scene.home.person('alice'), await scene.away.person('bob')];
    const roomId = await publicRoom(scene, alice);
    const said = Array.from({ length: MANY }, (_, i) => `${i}`);
    for (const text of said) await alice.say(roomId, text);
    await bob.joinBy(roomId, scene.home.name);
    // Dendrite answers the join before what reads history knows of the room.
    await bob.untilMember(roomId, bob.userId, 'join');
    const events = await bob.history(roomId);
    assert.deepEqual(bodies(events).reverse(), said);
    assert.equal(events.at(-1)?.type, 'm.room.create');
    const members = events.filter((event: Json) => event.type === 'm.room.member');
    assert.equal(members.length, 2);
  },
};

const atTime: Scenario = {
  feature: 'event at a time, context',
  async run(scene) {
    const [alice, bob] = [await scene.home.person('alice'), await scene.away.person('bob')];
    const roomId = await publicRoom(scene, alice);
    const ids: string[] = [];
    for (let i = 0; i < 30; i++) ids.push(await alice.say(roomId, `${i}`));
    await bob.joinBy(roomId, scene.home.name);
    const target = ids[3]!;
    const seen = await alice.ok('GET', alice.room(roomId, `/event/${encodeURIComponent(target)}`));
    const query = `ts=${seen.origin_server_ts}&dir=f`;
    const path = `/v1/rooms/${encodeURIComponent(roomId)}/timestamp_to_event?${query}`;
    const { event_id: found } = await bob.ok('GET', path);
    const { origin_server_ts: at } = await alice.ok(
      'GET',
      alice.room(roomId, `/event/${encodeURIComponent(found as string)}`),
    );
    assert.equal(at, seen.origin_server_ts);
    const around = await bob.ok(
      'GET',
      bob.room(roomId, `/context/${encodeURIComponent(found as string)}?limit=4`),
    );
    assert.equal(around.event.event_id, found);
  },
};

export const history = [backfill, atTime];
