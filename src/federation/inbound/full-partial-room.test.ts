import assert from 'node:assert/strict';
import type { RoomId } from '../../protocol/identifiers.ts';
import { MOST_UNSETTLED, MOST_UNSETTLED_OF_OWN } from '../../rooms/appending/unsettled-events.ts';
import * as waitingEventsStore from '../../storage/federation/waiting-events-store.ts';
import * as partialRoomsStore from '../../storage/rooms/partial-rooms-store.ts';
import { onFederation, type FederatingServer } from '../../testing/federation/federation.ts';
import {
  assertSameState,
  LAZY,
  shows,
  showsLeave,
  tell,
  whilePartial,
  type PartialRoom,
} from '../../testing/federation/partial-room.ts';
import type { RemoteEvent } from '../../testing/federation/remote-room.ts';
import { openPlaceDatabase } from '../../testing/server/place-database.ts';
import type { Json, TestClient } from '../../testing/client/test-client.ts';

/** Nearly as long as a message may be, and what it takes at least in memory, in bytes. */
const LONG = 'x'.repeat(60_000);
const SIZE = 2 * LONG.length;
const SENT_AT_ONCE = 10;
/** More than the longest event takes in memory. */
const ONE_MORE = 140_000;

/** Sends long messages to a server until it takes no more at once. */
async function fill({ room }: PartialRoom, server: FederatingServer) {
  const taken: RemoteEvent[] = [];
  const left: RemoteEvent[] = [];
  while (left.length === 0 && taken.length * SIZE <= 2 * MOST_UNSETTLED) {
    const events = Array.from({ length: SENT_AT_ONCE }, () => room.say(LONG));
    const results = await room.sendTo(server.name, ...events);
    for (const [i, event] of events.entries()) (results[i] === undefined ? taken : left).push(event);
    for (const error of results) if (error !== undefined) assert.match(error, /members .* are known/);
  }
  return { taken, left };
}

/** How much is unsettled in a room, in bytes, and how many events of a server wait, as the database has it. */
async function kept(server: FederatingServer, { room }: PartialRoom) {
  const database = await openPlaceDatabase(server.place);
  try {
    const row = await partialRoomsStore.of(database, room.roomId as RoomId);
    const waiting = await waitingEventsStore.countOf(database, room.remote.name, 1_000);
    return { unsettled: row?.unsettled ?? 0, waiting };
  } finally {
    await database.close();
  }
}

/** The IDs of the room's messages, from the oldest on. */
async function messages(person: TestClient, roomId: string): Promise<string[]> {
  const { chunk } = await person.ok('GET', person.room(roomId, '/messages?dir=b&limit=500'));
  const said = (chunk as Json[]).filter((event) => event.type === 'm.room.message');
  return said.map((event) => String(event.event_id)).reverse();
}

onFederation(
  'what others send into a room waits once too much came before its members, also over a restart, and is judged with them [B104 partial]',
  async (federation) => {
    const { b } = federation;
    await whilePartial(federation, async (scene) => {
      const { bob, room, complete } = scene;
      tell(scene);
      const { taken, left } = await fill(scene, b);
      const last = room.say('the last');
      assert.match((await room.sendTo(b.name, last))[0] ?? '', /members .* are known/);
      const { unsettled, waiting } = await kept(b, scene);
      assert.ok(unsettled >= MOST_UNSETTLED && unsettled < MOST_UNSETTLED + ONE_MORE, `${unsettled} bytes`);
      assert.ok(taken.length * SIZE <= unsettled);
      assert.equal(waiting, left.length + 1);
      const own = await bob.say(room.roomId, 'people here go on');
      const stopping = b.stop();
      complete(false);
      await stopping;
      await b.start();
      const again = b.client(bob.token);
      await again.syncUntil(undefined, shows(room.roomId, 'the last'), LAZY);
      await assertSameState({ ...scene, bob: again });
      const ids = (events: readonly RemoteEvent[]) => events.map(({ eventId }) => eventId);
      assert.deepEqual(await messages(again, room.roomId), [...ids(taken), own, ...ids(left), last.eventId]);
      assert.equal((await kept(b, scene)).waiting, 0);
    });
  },
);

onFederation(
  'people may send no more into a room once too much came before its members; they come and go, and go on with the members [B104 partial]',
  async (federation) => {
    const { a, b } = federation;
    const dave = await b.person('dave');
    await whilePartial(federation, async (scene) => {
      const { alice, bob, room, complete } = scene;
      const { roomId } = room;
      const send = (text: string) =>
        bob.ask('PUT', bob.room(roomId, `/send/m.room.message/${crypto.randomUUID()}`), {
          ...{ msgtype: 'm.text', body: text },
        });
      let refused: Json;
      for (let sent = 0; refused === undefined && sent * SIZE <= 2 * MOST_UNSETTLED_OF_OWN; sent++) {
        const { status, body } = await send(LONG);
        if (status !== 200) refused = { status, ...body };
      }
      assert.equal(refused?.status, 429);
      assert.equal(refused.errcode, 'M_LIMIT_EXCEEDED');
      assert.ok(refused.retry_after_ms > 0);
      const { unsettled } = await kept(b, scene);
      assert.ok(unsettled >= MOST_UNSETTLED_OF_OWN && unsettled < MOST_UNSETTLED_OF_OWN + ONE_MORE);
      await dave.join(roomId, a.name);
      await dave.ok('POST', dave.room(roomId, '/leave'), {});
      const { next_batch: since } = await alice.sync();
      await bob.ok('POST', bob.room(roomId, '/leave'), {});
      await alice.syncUntil(since, showsLeave(roomId, bob.userId));
      await bob.join(roomId, a.name);
      assert.equal((await send('still not')).status, 429);
      complete(true);
      await assertSameState(scene);
      assert.equal((await send('on with it')).status, 200);
      await alice.syncUntil(undefined, shows(roomId, 'on with it'));
    });
  },
);
