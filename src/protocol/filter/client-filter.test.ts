import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject, JsonValue } from '../json.ts';
import { MatrixError } from '../matrix-error.ts';
import { DEFAULT_CLIENT_FILTER, parseClientFilter } from './client-filter.ts';
import { compileEventFields } from './event-fields.ts';
import { parseEventFilter } from './event-filter.ts';

function allows(filter: JsonObject, type: string, more: object = {}): boolean {
  return parseEventFilter(filter).matches({ type, sender: '@a:x', roomId: '!r:x', content: {}, ...more });
}

function refuses(json: JsonValue, message: RegExp): void {
  assert.throws(
    () => parseClientFilter(json),
    (error: unknown) => {
      assert.ok(error instanceof MatrixError);
      assert.deepEqual([error.status, error.errcode], [400, 'M_BAD_JSON']);
      assert.match(error.message, message);
      return true;
    },
  );
}

test('types are included and excluded, with stars as the only wildcard', () => {
  const cases: [JsonObject, string, boolean][] = [
    [{}, 'm.room.message', true],
    [{ types: [] }, 'm.room.message', false],
    [{ not_types: [] }, 'm.room.message', true],
    [{ types: ['m.room.*'] }, 'm.room.message', true],
    [{ types: ['m.room.*'] }, 'm.rooms', false],
    [{ types: ['*'] }, '', true],
    [{ types: ['m.room.?essage'] }, 'm.room.message', false],
    [{ types: ['m.room.message'], not_types: ['m.*'] }, 'm.room.message', false],
    [{ types: ['*.message*'] }, 'm.room.message', true],
    [{ types: ['a*a'] }, 'a', false],
    [{ types: ['a*b*b'] }, 'ab', false],
    [{ types: ['m+room'] }, 'mmroom', false],
  ];
  for (const [filter, type, expected] of cases) {
    assert.equal(allows(filter, type), expected, `${JSON.stringify(filter)} ${type}`);
  }
});

test('type wildcards say the same as a regular expression', () => {
  const patterns = fc.string({ unit: fc.constantFrom('a', 'b', '*'), maxLength: 6 });
  const types = fc.string({ unit: fc.constantFrom('a', 'b'), maxLength: 8 });
  fc.assert(
    fc.property(patterns, types, (pattern, type) => {
      const expected = new RegExp(`^${pattern.replaceAll(/\*+/g, '.*')}$`).test(type);
      assert.equal(allows({ types: [pattern] }, type), expected);
    }),
    { numRuns: 2000 },
  );
});

test('senders, rooms and contains_url are looked at', () => {
  assert.ok(allows({ senders: ['@a:x'], rooms: ['!r:x'] }, 't'));
  assert.ok(
    !allows({ senders: ['@b:x'] }, 't') && !allows({ not_senders: ['@a:x'], senders: ['@a:x'] }, 't'),
  );
  assert.ok(!allows({ rooms: [] }, 't') && !allows({ not_rooms: ['!r:x'] }, 't'));
  assert.ok(!allows({ rooms: ['!r:x'] }, 't', { roomId: undefined }));
  assert.ok(allows({ not_rooms: ['!r:x'] }, 't', { roomId: undefined }));
  assert.ok(allows({ contains_url: true }, 't', { content: { url: 'mxc://x/y' } }));
  assert.ok(!allows({ contains_url: true }, 't') && allows({ contains_url: false }, 't'));
  assert.ok(!allows({ contains_url: false }, 't', { content: { url: 'mxc://x/y' } }));
});

test('limits have a default and a maximum', () => {
  assert.deepEqual(
    [{}, { limit: 0 }, { limit: 7 }, { limit: 1_000_000 }].map((filter) => parseEventFilter(filter).limit),
    [10, 0, 7, 100],
  );
});

test('an empty filter lets everything through', () => {
  const { room, presence } = DEFAULT_CLIENT_FILTER;
  assert.equal(DEFAULT_CLIENT_FILTER.eventFormat, 'client');
  assert.equal(DEFAULT_CLIENT_FILTER.prunesEvents, false);
  assert.deepEqual(
    [room.includeLeave, room.timeline.limit, room.timeline.lazyLoadMembers],
    [false, 10, false],
  );
  assert.ok(room.matchesRoom('!r:x') && room.state.matches({ type: 't' }) && presence.matches({ type: 't' }));
});

test('a whole filter is parsed', () => {
  const filter = parseClientFilter({
    event_fields: ['type', 'content.body'],
    event_format: 'federation',
    presence: { types: [] },
    account_data: { not_types: ['m.direct'] },
    room: {
      rooms: ['!a:x', '!b:x'],
      not_rooms: ['!b:x'],
      include_leave: true,
      timeline: { limit: 20, unread_thread_notifications: true, related_by_rel_types: ['m.thread'] },
      state: { lazy_load_members: true, include_redundant_members: true },
      ephemeral: { types: ['m.typing'], related_by_senders: ['@a:x'] },
      account_data: { types: ['m.tag'] },
    },
    'org.example.other': 1,
  });
  const { room } = filter;
  assert.equal(filter.eventFormat, 'federation');
  assert.deepEqual(filter.pruneEvent({ type: 't', sender: '@a:x', content: { body: 'b', x: 1 } }), {
    type: 't',
    content: { body: 'b' },
  });
  assert.ok(
    !filter.presence.matches({ type: 'm.presence' }) && !filter.accountData.matches({ type: 'm.direct' }),
  );
  assert.deepEqual(['!a:x', '!b:x', '!c:x'].map(room.matchesRoom), [true, false, false]);
  assert.ok(room.includeLeave && room.timeline.unreadThreadNotifications && room.timeline.limit === 20);
  assert.ok(room.state.lazyLoadMembers && room.state.includeRedundantMembers);
  assert.deepEqual(room.timeline.relatedByRelTypes, ['m.thread']);
  assert.deepEqual(room.ephemeral.relatedBySenders, ['@a:x']);
  assert.ok(room.ephemeral.matches({ type: 'm.typing' }) && !room.ephemeral.matches({ type: 'm.receipt' }));
  assert.ok(!room.accountData.matches({ type: 'm.other' }));
});

test('bad shapes are refused by name', () => {
  refuses([], /filter must be an object/);
  refuses(null, /filter must be an object/);
  refuses({ event_format: 'xml' }, /"event_format"/);
  refuses({ event_fields: 'type' }, /"event_fields"/);
  refuses({ event_fields: [Array.from({ length: 51 }, () => 'a').join('.')] }, /at most 50/);
  refuses({ presence: [] }, /"presence" must be an object/);
  refuses({ room: 1 }, /"room"/);
  refuses({ room: { timeline: null } }, /"room.timeline"/);
  refuses({ room: { include_leave: 'yes' } }, /"room.include_leave"/);
  refuses({ room: { timeline: { limit: -1 } } }, /"room.timeline.limit"/);
  refuses({ room: { timeline: { limit: '5' } } }, /"room.timeline.limit"/);
  refuses({ room: { timeline: { limit: 1.5 } } }, /"room.timeline.limit"/);
  refuses({ room: { timeline: { senders: ['bob'] } } }, /"room.timeline.senders" must start with "@"/);
  refuses({ room: { rooms: ['#alias:x'] } }, /"room.rooms" must start with "!"/);
  refuses({ room: { state: { types: [1] } } }, /"room.state.types"/);
  refuses({ room: { state: { types: Array.from({ length: 5001 }, () => 'a') } } }, /at most 5000/);
  refuses({ room: { state: { lazy_load_members: 1 } } }, /"room.state.lazy_load_members"/);
  refuses({ account_data: { contains_url: 'x' } }, /"account_data.contains_url"/);
});

test('no filter of any shape is an error of ours', () => {
  fc.assert(
    fc.property(
      fc.record(
        { room: fc.jsonValue(), presence: fc.jsonValue(), event_fields: fc.jsonValue() },
        { requiredKeys: [] },
      ),
      (json) => {
        try {
          parseClientFilter(json as JsonObject);
        } catch (error) {
          assert.ok(error instanceof MatrixError && error.status === 400);
        }
      },
    ),
  );
});

test('event fields take paths with escaped dots and leave the event as it was', () => {
  const event: JsonObject = {
    type: 't',
    content: { body: 'b', 'm.relates_to': { rel_type: 'r', key: 'k' }, 'a\\b': 1 },
  };
  const copy = structuredClone(event);
  const take = (...fields: string[]) => compileEventFields(fields)(event);
  assert.deepEqual(take('content.m\\.relates_to.rel_type'), {
    content: { 'm.relates_to': { rel_type: 'r' } },
  });
  assert.deepEqual(take('content.a\\\\b', 'none', 'type.x', 'content.none'), { content: { 'a\\b': 1 } });
  assert.deepEqual(take('content.body', 'content'), { content: copy.content });
  assert.deepEqual(take('content', 'content.body'), { content: copy.content });
  assert.deepEqual(take('constructor', '__proto__'), {});
  assert.deepEqual(take(), event);
  assert.deepEqual(event, copy);
});
