import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { EventId, RoomId } from '../../protocol/identifiers.ts';
import type { EventRow } from '../../storage/rooms/events-store.ts';
import { BEFORE_HISTORY } from '../../storage/unit-of-work.ts';
import { KnownEvents } from './known-events.ts';

const ROOM = '!room:example.org';

function row(position: number, more: Partial<EventRow> = {}): EventRow {
  return {
    position,
    event_id: `$event-${position}`,
    room_id: ROOM,
    type: 'm.room.message',
    state_key: null,
    sender: '@alice:example.org',
    origin_server_ts: 1,
    content: '{"body":"hello"}',
    envelope: '{}',
    state_root: new Uint8Array(16),
    replaces: null,
    redacted_by: null,
    txn: null,
    auth_depth: null,
    room_root: null,
    refused: null,
    ...more,
  };
}

test('an event is one object, found by ID and by position, until it is forgotten', () => {
  const known = new KnownEvents(100_000);
  const event = known.intern(row(7));
  assert.equal(known.intern(row(7)), event);
  assert.equal(known.byId(event.eventId), event);
  assert.equal(known.at(7), event);
  known.forget(event.eventId);
  assert.equal(known.byId(event.eventId), undefined);
  assert.equal(known.at(7), undefined);
});

test('an event that got a place in the timeline is not found where it was', () => {
  const known = new KnownEvents(100_000);
  known.intern(row(BEFORE_HISTORY - 3, { event_id: '$received' }));
  const placed = known.intern(row(9, { event_id: '$received' }));
  assert.equal(known.at(BEFORE_HISTORY - 3), undefined);
  assert.equal(known.at(9), placed);
});

test('a row that was read before a redaction is not kept after it', () => {
  const known = new KnownEvents(100_000);
  const before = row(7);
  known.intern(before);
  known.forgetRedacted('$event-7' as EventId);
  known.intern(before);
  assert.equal(known.byId('$event-7' as EventId), undefined);
  assert.equal(known.at(7), undefined);
  const redacted = known.intern(row(7, { content: '{}', redacted_by: '$redaction' }));
  assert.equal(known.at(7), redacted);
});

test('what takes no more memory is forgotten by position, too', () => {
  const known = new KnownEvents(3_000);
  for (let position = 1; position <= 100; position++) known.intern(row(position));
  const found = Array.from({ length: 100 }, (_, i) => known.at(i + 1)).filter(Boolean);
  assert.ok(found.length < 10, `${found.length} of 100 are in memory`);
  assert.ok(known.at(100));
});

test('a room is forgotten as a whole, or what is beside its timeline', () => {
  const known = new KnownEvents(100_000);
  known.intern(row(5));
  known.intern(row(BEFORE_HISTORY - 1));
  known.intern(row(6, { room_id: '!other:example.org' }));
  known.forgetRoom(ROOM as RoomId, 'aside');
  assert.ok(known.at(5));
  assert.equal(known.at(BEFORE_HISTORY - 1), undefined);
  known.forgetRoom(ROOM as RoomId, 'all');
  assert.equal(known.at(5), undefined);
  assert.ok(known.at(6));
});

test('an event that is only passed by is the one in memory, or not kept', () => {
  const known = new KnownEvents(100_000);
  const kept = known.intern(row(7));
  assert.equal(known.passing(row(7)), kept);
  assert.equal(known.passing(row(8)).eventId, '$event-8');
  assert.equal(known.at(8), undefined);
  assert.notEqual(known.passing(row(7, { content: '{}', redacted_by: '$redaction' })), kept);
});
