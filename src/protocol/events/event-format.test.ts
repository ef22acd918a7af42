import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import { eventId, roomId } from '../identifiers.ts';
import type { JsonObject, JsonValue } from '../json.ts';
import { MatrixError } from '../matrix-error.ts';
import { ROOM_VERSIONS, roomVersion, type RoomVersion } from '../room-versions.ts';
import {
  authEventIdsOf,
  checkEventSize,
  MAX_EVENT_BYTES,
  parsePdu,
  prevEventIdsOf,
  toRoomEvent,
} from './event-format.ts';
import type { Pdu } from './event.ts';

const VERSIONS = [...ROOM_VERSIONS.values()];
const V1 = roomVersion('1');
const V11 = roomVersion('11');
const V12 = roomVersion('12');
const badJson = { status: 400, errcode: 'M_BAD_JSON' };
const tooLarge = { status: 413, errcode: 'M_TOO_LARGE' };

function references(version: RoomVersion, count: number): JsonValue[] {
  const ids = Array.from({ length: count }, (_, i) => `$${i}:x`);
  return version.eventIdFormat === 'server-chosen' ? ids.map((id) => [id, { sha256: 'h' }]) : ids;
}

function valid(version: RoomVersion, changes: JsonObject = {}): JsonObject {
  return {
    type: 'm.room.message',
    room_id: '!r:x',
    sender: '@a:x',
    content: { body: 'hello' },
    origin_server_ts: 1,
    depth: 2,
    hashes: { sha256: 'h' },
    signatures: { x: { 'ed25519:1': 's' } },
    auth_events: references(version, 10),
    prev_events: references(version, 20),
    ...(version.eventIdFormat === 'server-chosen' ? { event_id: '$e:x' } : {}),
    ...changes,
  };
}

test('accepts a valid event of every room version and keeps unknown keys', () => {
  for (const version of VERSIONS) {
    const event = valid(version, { state_key: '', org_example: [1], unsigned: { age: 1 } });
    assert.deepEqual(parsePdu(event, version), event, version.id);
    const pdu = parsePdu(event, version);
    assert.equal(authEventIdsOf(pdu).length, 10);
    assert.equal(prevEventIdsOf(pdu)[19], '$19:x');
  }
});

test('refuses what has a wrong type, a bad identifier or is missing', () => {
  const wrong: JsonObject[] = [
    { type: 5 },
    { type: undefined },
    { type: 'a\0b' },
    { state_key: 'a\0' },
    { state_key: null },
    { sender: 'a:x' },
    { sender: {} },
    { room_id: undefined },
    { room_id: 'r' },
    { content: [] },
    { content: null },
    { origin_server_ts: '1' },
    { origin_server_ts: 1.5 },
    { depth: -1 },
    { depth: 1.5 },
    { depth: '1' },
    { hashes: [] },
    { signatures: 'x' },
    { unsigned: 1 },
    { auth_events: {} },
    { auth_events: undefined },
    { prev_events: [5] },
    { prev_events: [['$e:x']] },
    { prev_events: ['e'] },
    { content: { body: '\ud800' } },
  ];
  for (const version of VERSIONS) {
    for (const changes of wrong) {
      assert.throws(() => parsePdu(valid(version, changes), version), badJson, JSON.stringify(changes));
    }
    for (const value of [null, 'x', [], 5, undefined]) assert.throws(() => parsePdu(value, version), badJson);
  }
});

test('hashes of further functions are allowed, up to a number and a length [A102]', () => {
  const named = (count: number, value: JsonValue = 'h') =>
    Object.fromEntries(Array.from({ length: count }, (_, i) => [`sha${i}`, value]));
  const sha512 = 's'.repeat(86);
  for (const version of VERSIONS) {
    const parse = (hashes: JsonObject) => () => parsePdu(valid(version, { hashes }), version);
    assert.doesNotThrow(parse({ sha256: 'h', sha512 }));
    assert.doesNotThrow(parse(named(8)));
    for (const hashes of [
      named(9),
      { sha256: 'h', data: 'd'.repeat(129) },
      { sha256: 'h', [`${sha512}`]: 'h' },
      { sha256: 'h', data: { hidden: 1 } },
    ]) {
      assert.throws(parse(hashes), badJson, JSON.stringify(hashes));
    }
  }
  const referring = (hashes: JsonObject) => parsePdu(valid(V1, { prev_events: [['$p:x', hashes]] }), V1);
  assert.doesNotThrow(() => referring({ sha256: 'h', sha512 }));
  assert.throws(() => referring(named(9)), badJson);
});

test('references have the form of the room version, and no more than allowed', () => {
  assert.throws(() => parsePdu(valid(V1, { auth_events: references(V12, 1) }), V1), badJson);
  assert.throws(() => parsePdu(valid(V12, { auth_events: references(V1, 1) }), V12), badJson);
  assert.throws(() => parsePdu(valid(V1, { event_id: undefined }), V1), badJson);
  for (const version of VERSIONS) {
    assert.throws(() => parsePdu(valid(version, { auth_events: references(version, 11) }), version), badJson);
    assert.throws(() => parsePdu(valid(version, { prev_events: references(version, 21) }), version), badJson);
  }
});

test('depth and numbers: up to 2^53-1 and no floats from version 6 on', () => {
  for (const version of VERSIONS) {
    const strict = Number(version.id) >= 6;
    for (const changes of [{ depth: 2 ** 53 }, { content: { x: 1.5 } }]) {
      const parse = () => parsePdu(valid(version, changes), version);
      if (strict) assert.throws(parse, badJson);
      else assert.doesNotThrow(parse);
    }
    assert.throws(() => parsePdu(valid(version, { depth: 2 ** 64 }), version), badJson);
  }
});

test('sizes are counted in bytes of UTF-8', () => {
  const fits = 'é'.repeat(127);
  assert.doesNotThrow(() => parsePdu(valid(V11, { type: `${fits}a`, state_key: `${fits}a` }), V11));
  const long: JsonObject[] = [
    { type: `${fits}é` },
    { state_key: `${fits}é` },
    { sender: `@${fits}:x` },
    { room_id: `!${fits}:x` },
    { event_id: `$${fits}é` },
  ];
  for (const changes of long) assert.throws(() => parsePdu(valid(V11, changes), V11), tooLarge);
});

test('an event of 65,536 bytes is accepted, of one more refused', () => {
  const room = MAX_EVENT_BYTES - Buffer.byteLength(JSON.stringify(valid(V11, { content: { body: '' } })));
  assert.doesNotThrow(() => parsePdu(valid(V11, { content: { body: 'a'.repeat(room) } }), V11));
  assert.throws(() => parsePdu(valid(V11, { content: { body: 'a'.repeat(room + 1) } }), V11), tooLarge);
  const pdu = parsePdu(valid(V11), V11);
  assert.throws(() => checkEventSize(pdu, 'é'.repeat(MAX_EVENT_BYTES / 2 + 1)), tooLarge);
  assert.doesNotThrow(() => checkEventSize(pdu, 'é'.repeat(MAX_EVENT_BYTES / 2)));
});

test('the create event of version 12 has no room_id, and its own hash names the room', () => {
  const create = { type: 'm.room.create', state_key: '', room_id: undefined };
  const pdu = parsePdu(valid(V12, create), V12);
  assert.equal(toRoomEvent(pdu, eventId('$abc'), V12).roomId, '!abc');
  assert.throws(() => parsePdu(valid(V12, { ...create, room_id: '!abc' }), V12), badJson);
  assert.throws(() => parsePdu(valid(V11, create), V11), badJson);
  assert.throws(() => parsePdu(valid(V12, { ...create, state_key: 'x' }), V12), badJson);
});

test('a room event has one shape in every room version', () => {
  for (const version of VERSIONS) {
    const pdu = parsePdu(valid(version, { state_key: 'k', redacts: '$r:x' }), version);
    assert.deepEqual(toRoomEvent(pdu, eventId('$e:x'), version), {
      eventId: '$e:x',
      roomId: '!r:x',
      type: 'm.room.message',
      stateKey: 'k',
      sender: '@a:x',
      content: { body: 'hello' },
      originServerTs: 1,
      depth: 2,
      authEventIds: Array.from({ length: 10 }, (_, i) => `$${i}:x`),
      prevEventIds: Array.from({ length: 20 }, (_, i) => `$${i}:x`),
      redacts: undefined,
    });
  }
});

test('redacts is read where the room version puts it', () => {
  for (const version of VERSIONS) {
    const changes = { type: 'm.room.redaction', redacts: '$top', content: { redacts: '$inside' } };
    const event = toRoomEvent(parsePdu(valid(version, changes), version), eventId('$e:x'), version);
    assert.equal(event.redacts, Number(version.id) >= 11 ? '$inside' : '$top');
    assert.equal(event.stateKey, undefined);
    const odd = { type: 'm.room.redaction', redacts: 5, content: { redacts: 'x' } };
    assert.equal(
      toRoomEvent(parsePdu(valid(version, odd), version), eventId('$e:x'), version).redacts,
      undefined,
    );
  }
});

test('the hint names the room of an event that does not', () => {
  const { room_id: _, ...rest } = parsePdu(valid(V11), V11);
  const pdu = rest as Pdu;
  assert.equal(toRoomEvent(pdu, eventId('$e'), V11, roomId('!h:x')).roomId, '!h:x');
  assert.throws(() => toRoomEvent(pdu, eventId('$e'), V11), badJson);
});

test('whatever arrives is parsed or refused with a 4xx', () => {
  const keys = Object.keys(valid(V1, { state_key: '', unsigned: {} }));
  fc.assert(
    fc.property(
      fc.constantFrom(...VERSIONS),
      fc.dictionary(fc.constantFrom(...keys), fc.jsonValue()),
      (version, changes) => {
        try {
          parsePdu(valid(version, changes as JsonObject), version);
        } catch (error) {
          assert.ok(error instanceof MatrixError && (error.status === 400 || error.status === 413));
        }
      },
    ),
    { numRuns: 300 },
  );
});
