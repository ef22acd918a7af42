import assert from 'node:assert/strict';
import { test } from 'node:test';
import fc from 'fast-check';
import type { JsonObject } from '../json.ts';
import { ROOM_VERSIONS, roomVersion } from '../room-versions.ts';
import type { Pdu } from './event.ts';
import { redact } from './redaction.ts';

const VERSIONS = [...ROOM_VERSIONS.values()];
const ESSENTIAL = {
  event_id: '$1:x',
  type: 'm.room.message',
  room_id: '!r:x',
  sender: '@a:x',
  state_key: '',
  hashes: { sha256: 'h' },
  signatures: { x: {} },
  depth: 1,
  prev_events: [],
  auth_events: [],
  origin_server_ts: 2,
};
const BEFORE_11 = { prev_state: [], origin: 'x', membership: 'join' };
const NEVER = { unsigned: { age: 1 }, redacts: '$2:x', age: 3, __custom: true, constructor: 1 };

function pdu(type: string, content: JsonObject): Pdu {
  return { ...ESSENTIAL, type, content };
}

function keptContent(type: string, content: JsonObject, version: string): string[] {
  return Object.keys(redact(pdu(type, { ...content, other: 1 }), roomVersion(version)).content);
}

test('top-level keys', () => {
  for (const version of VERSIONS) {
    const event: Pdu = { ...ESSENTIAL, ...BEFORE_11, ...NEVER, content: { body: 'x' } };
    const expected = { ...ESSENTIAL, ...(Number(version.id) < 11 ? BEFORE_11 : {}), content: {} };
    assert.deepEqual(redact(event, version), expected, version.id);
  }
});

test('content keys of each type, by the first version that keeps them', () => {
  const since: [type: string, key: string, first: number, last: number][] = [
    ['m.room.member', 'membership', 1, 12],
    ['m.room.member', 'join_authorised_via_users_server', 9, 12],
    ['m.room.member', 'displayname', 13, 12],
    ['m.room.create', 'creator', 1, 12],
    ['m.room.create', 'm.federate', 11, 12],
    ['m.room.create', 'room_version', 11, 12],
    ['m.room.create', 'additional_creators', 11, 12],
    ['m.room.join_rules', 'join_rule', 1, 12],
    ['m.room.join_rules', 'allow', 8, 12],
    ['m.room.aliases', 'aliases', 1, 5],
    ['m.room.history_visibility', 'history_visibility', 1, 12],
    ['m.room.redaction', 'redacts', 11, 12],
    ['m.room.redaction', 'reason', 13, 12],
    ['m.room.power_levels', 'invite', 11, 12],
    ['m.room.power_levels', 'notifications', 13, 12],
    ['m.room.name', 'name', 13, 12],
    ...['ban', 'events', 'events_default', 'kick', 'redact', 'state_default', 'users', 'users_default'].map(
      (key): [string, string, number, number] => ['m.room.power_levels', key, 1, 12],
    ),
  ];
  for (const [type, key, first, last] of since) {
    for (const { id } of VERSIONS) {
      const expected = Number(id) >= first && Number(id) <= last;
      assert.equal(keptContent(type, { [key]: 1 }, id).includes(key), expected, `${type} ${key} ${id}`);
    }
  }
});

test('a third-party invite keeps only what is signed, from version 11 on', () => {
  const content = {
    membership: 'invite',
    third_party_invite: { display_name: 'a', signed: { mxid: '@a:x' } },
  };
  assert.deepEqual(redact(pdu('m.room.member', content), roomVersion('11')).content, {
    membership: 'invite',
    third_party_invite: { signed: { mxid: '@a:x' } },
  });
  assert.deepEqual(redact(pdu('m.room.member', content), roomVersion('10')).content, {
    membership: 'invite',
  });
  const odd = pdu('m.room.member', { membership: 'invite', third_party_invite: 'text' });
  assert.deepEqual(redact(odd, roomVersion('12')).content, { membership: 'invite' });
});

test('redacting twice is redacting once, and the event itself stays', () => {
  const types = ['member', 'create', 'join_rules', 'power_levels', 'aliases', 'redaction', 'name'];
  const keys = [
    'membership',
    'creator',
    'join_rule',
    'allow',
    'invite',
    'aliases',
    'redacts',
    'third_party_invite',
  ];
  fc.assert(
    fc.property(
      fc.constantFrom(...types),
      fc.dictionary(fc.constantFrom(...keys), fc.constantFrom<JsonObject>({}, { signed: {}, other: 1 }), {
        noNullPrototype: true,
      }),
      fc.constantFrom(...VERSIONS),
      (type, content, version) => {
        const event = pdu(`m.room.${type}`, content);
        const before = structuredClone(event);
        const once = redact(event, version);
        assert.deepEqual(redact(once, version), once);
        assert.deepEqual(event, before);
      },
    ),
    { numRuns: 500 },
  );
});
