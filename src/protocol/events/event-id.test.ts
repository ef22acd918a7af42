import assert from 'node:assert/strict';
import { createHash } from 'node:crypto';
import { test } from 'node:test';
import fc from 'fast-check';
import { ROOM_VERSIONS, roomVersion } from '../room-versions.ts';
import { eventIdOf, roomIdOfCreate } from './event-id.ts';
import type { Pdu } from './event.ts';
import { referenceHash, referenceJson } from './reference-hash.ts';

const PDU: Pdu = {
  type: 'm.room.create',
  state_key: '',
  event_id: '$e:x',
  room_id: '!r:x',
  sender: '@a:x',
  content: { creator: '@a:x', other: 1 },
  hashes: { sha256: 'h' },
  origin_server_ts: 5,
  depth: 1,
  prev_events: [],
  auth_events: [],
};

test('the form of an event ID in each room version [B115]', () => {
  for (const version of ROOM_VERSIONS.values()) {
    const id = eventIdOf(PDU, version);
    const hash = referenceHash(PDU, version);
    if (Number(version.id) <= 2) assert.equal(id, '$e:x');
    else if (version.id === '3') assert.equal(id, `$${hash.toString('base64').slice(0, 43)}`);
    else assert.equal(id, `$${hash.toString('base64url')}`);
  }
});

test('versions 1 and 2 need a valid event_id', () => {
  for (const event_id of [undefined, 5, '', 'e:x']) {
    const refused = { status: 400, errcode: 'M_BAD_JSON' };
    assert.throws(() => eventIdOf({ ...PDU, event_id }, roomVersion('2')), refused);
  }
});

test('the room ID of version 12 is the event ID of its create event under another sigil', () => {
  const version = roomVersion('12');
  const { room_id: _, event_id: __, ...create } = PDU;
  assert.equal(roomIdOfCreate(create as Pdu, version), `!${eventIdOf(create as Pdu, version).slice(1)}`);
});

test('the reference hash is of the redacted event, without signatures and unsigned [B115]', () => {
  const event: Pdu = { ...PDU, type: 'm.room.message', signatures: { x: {} }, unsigned: { age: 1 } };
  assert.equal(
    referenceJson(event, roomVersion('11')),
    '{"auth_events":[],"content":{},"depth":1,"event_id":"$e:x","hashes":{"sha256":"h"},"origin_server_ts":5,' +
      '"prev_events":[],"room_id":"!r:x","sender":"@a:x","state_key":"","type":"m.room.message"}',
  );
  const sha256 = createHash('sha256')
    .update(referenceJson(event, roomVersion('11')))
    .digest();
  assert.deepEqual(referenceHash(event, roomVersion('11')), sha256);
});

test('unsigned and signatures do not change the event ID, what is essential does', () => {
  const free = fc.dictionary(fc.string(), fc.oneof(fc.string(), fc.integer()), { noNullPrototype: true });
  fc.assert(
    fc.property(free, free, fc.constantFrom(...ROOM_VERSIONS.values()), (unsigned, signatures, version) => {
      const id = eventIdOf(PDU, version);
      assert.equal(eventIdOf({ ...PDU, unsigned, signatures }, version), id);
      assert.equal(eventIdOf({ ...PDU, depth: 2 }, version) === id, Number(version.id) <= 2);
    }),
  );
});
