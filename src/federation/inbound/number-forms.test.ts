import assert from 'node:assert/strict';
import { parseExactJson } from '../../protocol/exact-json.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { onFederation, type TestFederation } from '../../testing/federation/federation.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';
import type { Json, TestClient } from '../../testing/client/test-client.ts';

const TEXT =
  '{"big":9007199254740993,"body":"1.0","exponent":1e3,"fraction":1.0,"list":[-0.5,{"deep":2.50}],"msgtype":"m.text"}';
const CONTENT = parseExactJson(TEXT) as JsonObject;

/** A room with Bob on another server, and a guest that only the first of them hears. */
async function roomWithBob(federation: TestFederation, version: string) {
  const { a, alice, roomId, room } = await roomWithGuest(federation, {
    room_version: version,
    guestPower: 100,
  });
  const bob = await federation.b.person('bob');
  await bob.join(roomId, a.name);
  return { alice, bob, roomId, room };
}

/** The text of an event's content as a client gets it. */
async function contentText(person: TestClient, roomId: string, eventId: string): Promise<string> {
  const path = `/_matrix/client${person.room(roomId, `/event/${encodeURIComponent(eventId)}`)}`;
  const headers = { authorization: `Bearer ${person.token}` };
  const text = await (await fetch(person.base + path, { headers })).text();
  return /"content":(\{.*?\}),"event_id"/.exec(text)?.[1] ?? text;
}

const has = (roomId: string, eventId: string) => (body: Json) =>
  (body.rooms?.join?.[roomId]?.timeline?.events ?? []).some((event: Json) => event.event_id === eventId);

for (const version of ['3', '5']) {
  onFederation(
    `in room version ${version} numbers go from server to server as they were written, and hashes hold`,
    async (federation) => {
      const { alice, bob, roomId, room } = await roomWithBob(federation, version);
      const { next_batch: since } = await bob.sync();
      const deep = parseExactJson('{"depth":9223372036854775807}') as JsonObject;
      const odd = room.next({ type: 'm.room.message', content: CONTENT });
      const deepest = room.next({ type: 'm.room.message', content: CONTENT, more: deep });
      assert.deepEqual(await room.send(odd, deepest), [undefined, undefined]);
      assert.equal(await contentText(alice, roomId, odd.eventId), TEXT);
      const path = alice.room(roomId, '/send/m.room.message/odd');
      const { event_id: own } = await alice.ok('PUT', path, TEXT);
      await bob.syncUntil(since, has(roomId, own));
      for (const eventId of [odd.eventId, deepest.eventId, own]) {
        assert.equal(await contentText(bob, roomId, eventId), TEXT, `version ${version}, ${eventId}`);
      }
      const levels = `{"ban":50.0,"users":{"${alice.userId}":100,"${room.userId}":1e2},"users_default":0.0}`;
      const content = parseExactJson(levels) as JsonObject;
      const changed = room.make({
        type: 'm.room.power_levels',
        stateKey: '',
        content,
        prev: [own as never],
      });
      assert.deepEqual(await room.send(changed), [undefined]);
      const redact = room.make({
        type: 'm.room.redaction',
        content: {},
        prev: [changed.eventId],
        auth: changed.pdu.auth_events as never,
        more: { redacts: changed.eventId },
      });
      assert.deepEqual(await room.send(redact), [undefined]);
      assert.equal(await contentText(alice, roomId, changed.eventId), levels, 'what it says stays');
      const redacted = await alice.ok(
        'GET',
        alice.room(roomId, `/event/${encodeURIComponent(changed.eventId)}`),
      );
      assert.equal(redacted.unsigned.redacted_because.event_id, redact.eventId);
    },
  );
}

onFederation(
  'from room version 6 on odd numbers are refused, of clients and of servers',
  async (federation) => {
    const { alice, roomId, room } = await roomWithBob(federation, '10');
    for (const number of ['1.0', '1e3', '1.5', '9007199254740993']) {
      const body = `{"msgtype":"m.text","body":"x","number":${number}}`;
      const path = alice.room(roomId, '/send/m.room.message/odd');
      await alice.fails(400, 'M_BAD_JSON', 'PUT', path, body);
      const plain = room.make({
        type: 'm.room.message',
        content: { body: 'x', number: (Number(number) % 7) | 0 },
      });
      const content = parseExactJson(`{"body":"x","number":${number}}`) as JsonObject;
      const results = await room.sendRaw({ ...plain.pdu, content });
      assert.match(Object.values<Json>(results)[0]?.error ?? JSON.stringify(results), /not allowed/);
    }
    const page = await alice.ok('GET', alice.room(roomId, '/messages?dir=b'));
    assert.ok(page.chunk.every((event: Json) => event.type !== 'm.room.message'));
  },
);
