import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation/federation.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';
import { joined, sees, joins, says } from './testing/room-sight.ts';

onFederation(
  'three servers hear each other, and one who comes late hears all [B104 partial] [A108]',
  async ({ a, b, c }) => {
    const [alice, bob, carol] = [await a.person('alice'), await b.person('bob'), await c.person('carol')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room, a.name);
    // A server that has not all of a room yet lets nobody in.
    await bob.ok('GET', bob.room(room, '/joined_members'));
    await carol.join(room, b.name);
    for (const person of [alice, bob]) await sees(person, room, joins(carol.userId));
    for (const [person, text] of [
      [alice, 'one'],
      [bob, 'two'],
      [carol, 'three'],
    ] as const)
      await person.say(room, text);
    for (const person of [alice, bob, carol]) {
      for (const text of ['one', 'two', 'three']) await sees(person, room, says(text));
    }
    const shown = bodies((await joined(alice, room)).timeline.events);
    assert.deepEqual([...shown].sort(), ['one', 'three', 'two']);
  },
  { servers: 3 },
);

onFederation(
  'history from before the join is fetched page by page, to the beginning [B103 partial] [A110]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat', name: 'old' });
    const said = Array.from({ length: 130 }, (_, i) => `m${i}`);
    for (const text of said) await alice.say(room, text);
    await bob.join(room, a.name);
    const shown = await joined(bob, room);
    assert.equal(shown.timeline.limited, true);
    const found: string[] = [];
    let last: Json;
    for (let from = shown.timeline.prev_batch; from !== undefined; from = last.end) {
      last = await bob.ok('GET', bob.room(room, `/messages?dir=b&limit=20&from=${from}`));
      found.push(...bodies(last.chunk));
    }
    assert.deepEqual(found.reverse(), said);
    assert.equal(last.chunk.at(-1).type, 'm.room.create');
    const context = await bob.ok('GET', bob.room(room, `/context/${last.chunk.at(-1).event_id}?limit=4`));
    assert.equal(context.events_after[0].state_key, alice.userId);
    await bob.say(room, 'and now');
    assert.deepEqual(bodies((await joined(bob, room)).timeline.events).slice(-1), ['and now']);
  },
);

onFederation('an event is found by its time on another server [B102 partial]', async ({ a, b }) => {
  const [alice, bob] = [await a.person('alice'), await b.person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  const first = await alice.say(room, 'first');
  const { origin_server_ts: ts } = await alice.ok('GET', alice.room(room, `/event/${first}`));
  for (let i = 0; i < 5; i++) await alice.say(room, `m${i}`);
  await bob.join(room, a.name);
  const path = `/v1/rooms/${encodeURIComponent(room)}/timestamp_to_event?dir=f&ts=${ts}`;
  const found = await bob.ok('GET', path);
  assert.equal(found.origin_server_ts, ts);
  const context = await bob.ok('GET', bob.room(room, `/context/${found.event_id}`));
  assert.equal(context.event.event_id, found.event_id);
});
