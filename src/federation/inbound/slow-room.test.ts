import assert from 'node:assert/strict';
import type { JsonObject } from '../../protocol/json.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import { RemoteRoom, type RemoteEvent } from '../../testing/federation/remote-room.ts';
import type { RemoteServer } from '../../testing/federation/remote-server.ts';
import { HeldTimers } from '../../testing/server/held-timers.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';
import { PATIENCE_MS, PATIENCE_WHILE_SLOW_MS } from './answer-in-time.ts';
import { roomWithModerator, serve, timeline } from './testing/remote-guest.ts';
import { AGAIN_AFTER_MS } from './waiting-events.ts';

/** Holds what a server is asked about gaps, until it is let go. */
function holdGaps(remote: RemoteServer): { asked: Promise<void>; letGo: () => void } {
  const asked = Promise.withResolvers<void>();
  const gate = Promise.withResolvers<void>();
  remote.holds = ({ url }) => {
    if (!url.includes('/get_missing_events/')) return undefined;
    asked.resolve();
    return gate.promise;
  };
  return { asked: asked.promise, letGo: gate.resolve };
}

const transaction = (remote: RemoteServer, ...events: readonly RemoteEvent[]): JsonObject => ({
  origin: remote.name,
  origin_server_ts: Date.now(),
  pdus: events.map(({ pdu }) => pdu),
});

/** The test says when servers need wait for an answer no longer. */
const patience = new HeldTimers(PATIENCE_MS, PATIENCE_WHILE_SLOW_MS);

onFederation(
  'a room that takes long to judge holds up no further transaction of its server, and is judged in the end',
  async (federation) => {
    const { a, alice, roomId, room, remote } = await roomWithModerator(federation);
    const fast = await RemoteRoom.join(remote, a.name, await alice.createRoom({ preset: 'public_chat' }));
    const { asked, letGo } = holdGaps(remote);
    try {
      const { next_batch: since } = await alice.sync();
      const [lost, late] = [room.say('lost'), room.say('late')];
      serve(remote, [lost]);
      const quick = fast.say('quick');
      const body = transaction(remote, late, quick);
      const put = (to = 0) =>
        to === 0
          ? remote.ask(a.name, 'PUT', '/_matrix/federation/v1/send/slow', body)
          : remote.askAt(to, a.name, '/_matrix/federation/v1/send/slow', body);
      const sending = put();
      await asked;
      patience.letGo();
      const taken = { status: 200, body: { pdus: { [late.eventId]: {}, [quick.eventId]: {} } } };
      assert.deepEqual(await sending, taken, 'while the server is still asked');
      assert.deepEqual(await put(), taken, 'again under the same ID');
      assert.deepEqual(await fast.send(fast.say('next')), [undefined], 'the next transaction');
      assert.deepEqual(bodies(await timeline(alice, fast.roomId)), ['quick', 'next']);
      assert.deepEqual(bodies(await timeline(alice, roomId)), []);
      letGo();
      const other = await a.another();
      const again = await put(other.tlsPort ?? 0);
      assert.deepEqual(again, taken, 'by another process');
      await alice.syncUntil(since, (answer: Json) =>
        bodies(answer.rooms?.join?.[roomId]?.timeline.events).includes('late'),
      );
      assert.deepEqual(bodies(await timeline(alice, roomId)), ['lost', 'late'], 'each once');
    } finally {
      letGo();
    }
  },
  { servers: 1, overrides: { timers: patience } },
);

let skewMs = 0;

onFederation(
  'what was answered before it was judged is judged after a crash, though another server sent it unsigned',
  async (federation) => {
    const { a } = federation;
    const { alice, roomId, room, remote } = await roomWithModerator(federation);
    const hostile = await federation.startRemote();
    await RemoteRoom.join(hostile, a.name, roomId);
    const { next_batch: since } = await alice.sync();
    await a.stop();
    const process = await a.startProcess();
    const gaps = [remote, hostile].map(holdGaps);
    try {
      const [lost, late, second] = [room.say('lost'), room.say('late'), room.say('second')];
      const forged = { ...late, pdu: { ...late.pdu, signatures: {} } };
      const uri = '/_matrix/federation/v1/send/slow';
      const taken = { status: 200, body: { pdus: { [late.eventId]: {}, [second.eventId]: {} } } };
      const first = await hostile.ask(a.name, 'PUT', uri, transaction(hostile, forged, second));
      assert.deepEqual(first, taken);
      assert.deepEqual(await remote.ask(a.name, 'PUT', uri, transaction(remote, late, second)), taken);
      await process.kill();
      for (const { letGo } of gaps) letGo();
      serve(remote, [lost]);
      skewMs = AGAIN_AFTER_MS[0];
      await a.start();
      const later = a.client(alice.token);
      await later.syncUntil(since, (answer: Json) =>
        bodies(answer.rooms?.join?.[roomId]?.timeline.events).includes('second'),
      );
      assert.deepEqual(bodies(await timeline(later, roomId)), ['lost', 'late', 'second']);
    } finally {
      for (const { letGo } of gaps) letGo();
    }
  },
  { servers: 1, overrides: { clock: { now: () => Date.now() + skewMs } } },
);
