import assert from 'node:assert/strict';
import type { EventId } from '../../protocol/identifiers.ts';
import { bodies, type Json, type TestClient } from '../../testing/client/test-client.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import { RemoteRoom, type RemoteEvent } from '../../testing/federation/remote-room.ts';
import type { RemoteServer } from '../../testing/federation/remote-server.ts';

/** Tells its own events one by one, with the state of the room, and nothing of what is before them. */
function tellNothingBefore(remote: RemoteServer, room: RemoteRoom, told: readonly RemoteEvent[]): void {
  const state = [...room.state.values()].map(({ eventId }) => eventId);
  remote.answer = ({ url }) => {
    const path = decodeURIComponent(url);
    if (path.includes('/get_missing_events/')) return { status: 200, body: { events: [] } };
    if (path.includes('/backfill/')) return { status: 200, body: { pdus: [] } };
    if (path.includes('/state_ids/')) return { status: 200, body: { pdu_ids: state, auth_chain_ids: state } };
    const one = told.find(({ eventId }) => path.endsWith(`/event/${eventId}`));
    return one && { status: 200, body: { pdus: [one.pdu as Json] } };
  };
}

/** What was said in a room, from the newest on, as far as pages are given. */
async function saidIn(client: TestClient, roomId: string): Promise<string[]> {
  const texts: string[] = [];
  for (let from = ''; ;) {
    const page = await client.ok('GET', client.room(roomId, `/messages?dir=b&limit=100${from}`));
    texts.push(...bodies(page.chunk));
    if (page.end === undefined) return texts;
    from = `&from=${page.end}`;
  }
}

onFederation(
  'missing events that nobody has do not hide the history that others would tell',
  async ({ a, b, startRemote }) => {
    const remote = await startRemote();
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '10' });
    const room = await RemoteRoom.join(remote, a.name, roomId);
    await alice.say(roomId, 'long ago');
    await bob.join(roomId, a.name);
    const message = (body: string, prev: readonly EventId[], depth: number) =>
      room.make({ type: 'm.room.message', content: { msgtype: 'm.text', body }, prev, depth });
    const hidden = Array.from({ length: 24 }, (_, i) => {
      const unknown = `$${String(i).padStart(43, 'x')}` as EventId;
      return message(`hidden ${i}`, [unknown], 1_000 + i);
    });
    tellNothingBefore(remote, room, hidden);
    // Of more than ten predecessors at once the state is not asked for.
    for (let i = 0; i < hidden.length; i += 8) {
      const prev = hidden.slice(i, i + 8).map(({ eventId }) => eventId);
      assert.deepEqual(await room.sendTo(b.name, message(`visible ${i}`, prev, 2_000 + i)), [undefined]);
    }
    assert.ok((await saidIn(bob, roomId)).includes('long ago'));
  },
);

/** A clock that goes on by a second whenever it is asked. */
const clock = { time: 1_000_000, now: () => (clock.time += 1_000) };

onFederation(
  'after a jump to a date before what is here, the history is in its order, around the event as well',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '10' });
    const texts = Array.from({ length: 10 }, (_, i) => `m${i}`);
    const said: string[] = [];
    for (const text of texts) said.push(await alice.say(roomId, text));
    const [, , , fourth] = said;
    const { origin_server_ts: ts } = await alice.ok('GET', alice.room(roomId, `/event/${fourth}`));
    await bob.join(roomId, a.name);
    const found = await bob.ok(
      'GET',
      `/v1/rooms/${encodeURIComponent(roomId)}/timestamp_to_event?dir=f&ts=${ts}`,
    );
    assert.deepEqual(found, { event_id: fourth, origin_server_ts: ts });
    const context = await bob.ok('GET', bob.room(roomId, `/context/${fourth}?limit=4`));
    assert.deepEqual(bodies(context.events_before), ['m2', 'm1']);
    assert.deepEqual(bodies(context.events_after), ['m4', 'm5']);
    assert.deepEqual(await saidIn(bob, roomId), texts.toReversed());
  },
  { overrides: { clock } },
);
