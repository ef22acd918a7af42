import assert from 'node:assert/strict';
import type { EventId, RoomId, ServerName } from '../../protocol/identifiers.ts';
import * as partialRoomsStore from '../../storage/rooms/partial-rooms-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import * as waitingEventsStore from '../../storage/federation/waiting-events-store.ts';
import { onFederation, type FederatingServer } from '../../testing/federation/federation.ts';
import { HeldTimers } from '../../testing/server/held-timers.ts';
import { openPlaceDatabase } from '../../testing/server/place-database.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';
import { roomWithModerator, serve, timeline } from './testing/remote-guest.ts';
import { AGAIN_AFTER_MS, MOST_GROUPS } from './waiting-events.ts';

/** The test says when events are looked at again. */
const timers = new HeldTimers(...AGAIN_AFTER_MS);

onFederation(
  'an event whose past nobody told is looked at again, though nobody sends it again [A109]',
  async (federation) => {
    const { alice, roomId, room, remote } = await roomWithModerator(federation);
    const { next_batch: since } = await alice.sync();
    const [lost, last] = [room.say('lost'), room.say('last')];
    assert.match((await room.send(last))[0] ?? '', /could not be had/);
    const first = await timers.planned();
    first();
    const second = await timers.planned();
    serve(remote, [lost]);
    second();
    await alice.syncUntil(since, (body: Json) =>
      bodies(body.rooms?.join?.[roomId]?.timeline.events).includes('last'),
    );
    assert.deepEqual(bodies(await timeline(alice, roomId)), ['lost', 'last']);
  },
  { servers: 1, overrides: { timers } },
);

onFederation(
  'a server that sends ever more events whose past nobody tells does not fill the database',
  async (federation) => {
    const { a, alice, roomId, room } = await roomWithModerator(federation);
    for (let round = 0; round < 12; round++) {
      const lost = room.make({ type: 'm.room.message', content: { body: `lost ${round}` } }).eventId;
      const events = Array.from({ length: 50 }, (_, i) =>
        room.make({ type: 'm.room.message', content: { body: `${round}.${i}` }, prev: [lost] }),
      );
      const errors = await room.send(...events);
      assert.ok(errors.every((error) => /could not be had/.test(error ?? '')));
    }
    const database = await openPlaceDatabase(a.place);
    const kept = await waitingEventsStore.countOf(database, room.remote.name, 1_000);
    await database.close();
    assert.equal(kept, 500);
    await room.send(room.say('still taken'));
    assert.deepEqual(bodies(await timeline(alice, roomId)), ['still taken']);
  },
  { servers: 1 },
);

/** Leaves events that wait in as many rooms as are planned at once, which have not their whole state, and are overdue. */
async function keepForPartialRooms(server: FederatingServer, origin: ServerName): Promise<void> {
  const database = await openPlaceDatabase(server.place);
  const unit = new UnitOfWork();
  const root = new Uint8Array(20);
  for (let i = 0; i < MOST_GROUPS; i++) {
    const [roomId, eventId] = [`!${i}:${origin}` as RoomId, `$${i}` as EventId];
    partialRoomsStore.insert(unit, {
      ...{ roomId, joinEventId: eventId, servers: [origin], beforeRoot: root, joinRoot: root },
    });
    const waiting = {
      room_id: roomId,
      event_id: eventId,
      origin,
      tries: -1,
      next_at: i,
      depth: 1,
      pdu: '{}',
    };
    waitingEventsStore.keep(unit, waiting);
  }
  await database.commit(unit);
  await database.close();
}

let skewMs = 0;

onFederation(
  'an event whose past nobody told is looked at again after the server was killed, however many wait for the members of rooms',
  async (federation) => {
    const { a } = federation;
    const { alice, roomId, room, remote } = await roomWithModerator(federation);
    const { next_batch: since } = await alice.sync();
    await a.stop();
    const process = await a.startProcess();
    const [lost, last] = [room.say('lost'), room.say('last')];
    assert.match((await room.send(last))[0] ?? '', /could not be had/);
    await process.kill();
    await keepForPartialRooms(a, room.remote.name);
    serve(remote, [lost]);
    skewMs = AGAIN_AFTER_MS[0];
    await a.start();
    const later = a.client(alice.token);
    await later.syncUntil(since, (body: Json) =>
      bodies(body.rooms?.join?.[roomId]?.timeline.events).includes('last'),
    );
    assert.deepEqual(bodies(await timeline(later, roomId)), ['lost', 'last']);
  },
  { servers: 1, overrides: { clock: { now: () => Date.now() + skewMs } } },
);

let setBackMs = 0;
const heldTimers = new HeldTimers(AGAIN_AFTER_MS[0]);

onFederation(
  'an event whose past nobody told is looked at again as soon as ever, though the clock was set back',
  async ({ a, ...federation }) => {
    setBackMs = 0;
    const { roomId, room, remote, alice } = await roomWithModerator({ a, ...federation });
    const { next_batch: since } = await alice.sync();
    const [lost, last] = [room.say('lost'), room.say('last')];
    assert.match((await room.send(last))[0] ?? '', /could not be had/);
    await heldTimers.planned();
    await a.stop();
    setBackMs = 24 * 3_600_000;
    serve(remote, [lost]);
    await a.start();
    const again = await heldTimers.planned();
    again();
    const later = a.client(alice.token);
    await later.syncUntil(since, (body: Json) =>
      bodies(body.rooms?.join?.[roomId]?.timeline.events).includes('last'),
    );
  },
  {
    servers: 1,
    overrides: { timers: heldTimers, clock: { now: () => Date.now() - setBackMs } },
  },
);
