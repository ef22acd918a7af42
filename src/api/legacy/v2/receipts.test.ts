import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { onFederation } from '../../../testing/federation/federation.ts';
import { RemoteRoom } from '../../../testing/federation/remote-room.ts';
import type { Json } from '../../../testing/client/test-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { eventsOf, V2Client } from '../../../testing/client/v2-client.ts';

/** The receipts that an answer of version 2 alpha has of a room: event and user, in the order of the events. */
function receiptsIn(body: Json, room: string): [string, string][] {
  const events =
    body.rooms.joined[room]?.ephemeral.events.filter(({ type }: Json) => type === 'm.receipt') ?? [];
  assert.ok(events.length <= 1, 'they are one event');
  return events.flatMap(receiptsOf);
}

function receiptsOf({ content }: Json): [string, string][] {
  return Object.entries(content as Record<string, Json>).flatMap(([event, { 'm.read': users }]) =>
    Object.entries(users as Record<string, Json>).map(([user, { ts }]): [string, string] => {
      assert.ok(Math.abs(Date.now() - ts) < 60_000);
      return [event, user];
    }),
  );
}

describe('2015: receipts', () => {
  onFederation(
    'each has read up to one event, and tells everybody where that is [A069]',
    async ({ a, b, startRemote }) => {
      const [alice, bob] = [V2Client.of(await a.person('alice')), V2Client.of(await b.person('bob'))];
      const carol = V2Client.of(await a.person('carol'));
      const room = await alice.createRoom({ room_alias_name: 'garden', preset: 'public_chat' });
      await bob.join(`#garden:${a.name}`);
      await carol.join(room);
      const remote = await startRemote();
      await RemoteRoom.join(remote, a.name, room);
      const [one, two] = [await alice.say(room, 'one'), await alice.say(room, 'two')];
      const { next_batch: since } = await bob.syncUntil(undefined, (body) =>
        eventsOf(body.rooms.joined[room]).some(({ event_id: id }) => id === two),
      );
      const { next_batch: before } = await alice.sync();
      await alice.read(room, one);
      await carol.read(room, one);
      const both = await alice.syncUntil(before, (body) => receiptsIn(body, room).length === 2);
      assert.deepEqual(receiptsIn(both, room), [
        [one, alice.userId],
        [one, carol.userId],
      ]);

      await alice.read(room, two);
      const delta = await alice.sync({ since: both.next_batch });
      assert.deepEqual(receiptsIn(delta, room), [[two, alice.userId]], 'what is new, and nothing else');
      const has = (body: Json) =>
        receiptsIn(body, room).some(([id, who]) => id === two && who === alice.userId);
      await bob.syncUntil(since, has);
      await bob.read(room, two);
      const theirs = await alice.syncUntil(delta.next_batch, (body) => receiptsIn(body, room).length > 0);
      assert.deepEqual(receiptsIn(theirs, room), [[two, bob.userId]]);

      const wanted = [
        [one, carol.userId],
        [two, alice.userId],
        [two, bob.userId],
      ].sort();
      assert.deepEqual(receiptsIn(await carol.sync(), room).sort(), wanted, 'one event for each');
      const initial = await carol.ok('GET', '/initialSync');
      const [known] = initial.receipts.filter(({ room_id: id }: Json) => id === room);
      assert.deepEqual(receiptsOf(known).sort(), wanted);

      const told = await remote.until(() => {
        const edus = remote.edus.filter(({ edu_type: type }) => type === 'm.receipt');
        const found = edus.flatMap(({ content }: Json) =>
          Object.entries<Json>(content[room]?.['m.read'] ?? {}),
        );
        return found.some(([who, { event_ids: ids }]) => who === alice.userId && ids.includes(two))
          ? edus
          : undefined;
      });
      for (const { content } of told as Json[]) {
        for (const { data, event_ids: ids } of Object.values<Json>(content[room]['m.read'])) {
          assert.equal(ids.length, 1);
          assert.equal(typeof data.ts, 'number');
        }
      }
      const path = `/_matrix/client/v2_alpha/rooms/${encodeURIComponent(room)}/receipt`;
      const event = encodeURIComponent(two);
      assert.equal((await bob.ask('POST', `${path}/m.read.private/${event}`, {})).status, 400);
    },
  );

  onServers('each has read up to one event also where others read in threads', async (server) => {
    const today = await server.person('alice');
    const alice = V2Client.of(today);
    const bob = await server.person('bob');
    const room = await alice.createRoom({ invite: [bob.userId] });
    await bob.join(room);
    const one = await alice.say(room, 'one');
    const inThread = await today.send(room, 'm.room.message', {
      ...{ msgtype: 'm.text', body: 'aside' },
      'm.relates_to': { rel_type: 'm.thread', event_id: one },
    });
    const two = await alice.say(room, 'two');
    const { end: from } = await alice.ok('GET', '/initialSync');
    const { next_batch: since } = await alice.sync();
    const read = (event: string, body: object) =>
      bob.ok('POST', bob.room(room, `/receipt/m.read/${encodeURIComponent(event)}`), body);
    await read(one, {});
    await read(two, { thread_id: 'main' });
    await read(inThread, { thread_id: one });
    await read(one, { thread_id: one });

    const wanted = [[two, bob.userId]];
    const stream = (await alice.events({ from })).chunk as Json[];
    const initial = (await alice.ok('GET', '/initialSync')).receipts as Json[];
    const ofRoom = (await alice.ok('GET', alice.room(room, '/initialSync'))).receipts as Json[];
    for (const events of [stream, initial, ofRoom]) {
      const receipts = events.filter(({ type }) => type === 'm.receipt');
      assert.deepEqual(receipts.flatMap(receiptsOf), wanted);
    }
    for (const body of [await alice.sync(), await alice.sync({ since })]) {
      assert.deepEqual(receiptsIn(body, room), wanted);
    }

    const { next_batch: later } = await alice.sync();
    await read(inThread, { thread_id: one });
    await read(two, {});
    assert.deepEqual(
      receiptsIn(await alice.sync({ since: later }), room),
      wanted,
      'threads say nothing of the room',
    );
  });

  onFederation('what else is said of a receipt is attached to it, on every server', async ({ a, b }) => {
    const [alice, bob] = [V2Client.of(await a.person('alice')), V2Client.of(await b.person('bob'))];
    const room = await alice.createRoom({ room_alias_name: 'garden', preset: 'public_chat' });
    await bob.join(`#garden:${a.name}`);
    const [one, two] = [await alice.say(room, 'one'), await alice.say(room, 'two')];
    const { next_batch: since } = await bob.syncUntil(undefined, (body) =>
      eventsOf(body.rooms.joined[room]).some(({ event_id: id }) => id === two),
    );
    const pathOf = (event: string) =>
      `/_matrix/client/v2_alpha/rooms/${encodeURIComponent(room)}/receipt/m.read/${encodeURIComponent(event)}`;
    const extra = { 'org.example.seen_on': 'phone' };
    await alice.ok('POST', pathOf(one), { ...extra, ts: 5, thread_id: 'main' });
    const receiptIn = (body: Json) =>
      (body.rooms.joined[room]?.ephemeral.events as Json[] | undefined)?.find(
        ({ type }) => type === 'm.receipt',
      )?.content[one]?.['m.read'][alice.userId];
    const there = await bob.syncUntil(since, (body) => receiptIn(body) !== undefined);
    const [known] = (await alice.ok('GET', '/initialSync')).receipts;
    for (const { ts, ...said } of [
      receiptIn(await alice.sync()),
      receiptIn(there),
      known.content[one]['m.read'][alice.userId],
    ]) {
      assert.deepEqual(said, extra);
      assert.ok(Math.abs(Date.now() - ts) < 60_000, 'the time is the server’s');
    }
    await alice.fails(400, 'M_BAD_JSON', 'POST', pathOf(two), { said: 'x'.repeat(1_000) });
    await alice.ok('POST', pathOf(two), null);
  });
});

describe('2015: beside today’s API', () => {
  onServers('edits, redactions and receipts are seen by both, each in their own shape', async (server) => {
    const alice = V2Client.of(await server.person('alice'));
    const bob = await server.person('bob');
    const room = await alice.createRoom({ invite: [bob.userId] });
    await bob.join(room);
    const said = await bob.say(room, 'a slpi');
    const start = await alice.sync();
    assert.equal(eventsOf(start.rooms.joined[room]).at(-1).content.body, 'a slpi');
    const today = (await bob.sync()).next_batch;

    const edit = await bob.send(room, 'm.room.message', {
      ...{ msgtype: 'm.text', body: '* a slip', 'm.new_content': { msgtype: 'm.text', body: 'a slip' } },
      'm.relates_to': { rel_type: 'm.replace', event_id: said },
    });
    const edited = await alice.syncUntil(start.next_batch, (body) => body.rooms.joined[room] !== undefined);
    const [shown] = eventsOf(edited.rooms.joined[room]);
    assert.deepEqual([shown.event_id, shown.content.body], [edit, '* a slip']);
    assert.equal(shown.unsigned['m.relations'], undefined);

    await alice.read(room, edit);
    const isRead = (body: Json) =>
      (body.rooms?.join?.[room]?.ephemeral.events ?? []).some(
        ({ type, content }: Json) =>
          type === 'm.receipt' && content[edit]?.['m.read']?.[alice.userId]?.ts > 0,
      );
    await bob.syncUntil(today, isRead);
    await bob.ok('POST', bob.room(room, `/receipt/m.read/${encodeURIComponent(edit)}`), {});
    const read = await alice.syncUntil(edited.next_batch, (body) =>
      receiptsIn(body, room).some(([id, who]) => id === edit && who === bob.userId),
    );

    const redact = bob.room(room, `/redact/${encodeURIComponent(edit)}/r1`);
    const { event_id: because } = await bob.ok('PUT', redact, { reason: 'never mind' });
    const gone = await alice.syncUntil(read.next_batch, (body) => body.rooms.joined[room] !== undefined);
    const [redaction] = eventsOf(gone.rooms.joined[room]);
    assert.deepEqual(
      [redaction.type, redaction.redacts, redaction.event_id],
      ['m.room.redaction', edit, because],
    );
    const [bare] = eventsOf((await alice.sync()).rooms.joined[room]).filter(
      ({ event_id: id }) => id === edit,
    );
    assert.deepEqual(bare.content, {});
    assert.equal(bare.redacted_because.event_id, because);
    assert.equal(bare.unsigned.redacted_because.event_id, because);

    const hers = await alice.say(room, 'taken back');
    const { event_id: byAlice } = await alice.ok(
      'POST',
      alice.room(room, `/redact/${encodeURIComponent(hers)}`),
      {},
    );
    const seen = await bob.ok('GET', bob.room(room, `/event/${encodeURIComponent(hers)}`));
    assert.deepEqual([seen.content, seen.unsigned.redacted_because.event_id], [{}, byAlice]);
  });
});
