import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ROOM_VERSIONS, roomVersion } from '../room-versions.ts';
import { SigningKey, signPdu } from '../signing.ts';
import { serverName } from '../identifiers.ts';
import { contentHashMatches } from './content-hash.ts';
import { eventIdOf } from './event-id.ts';
import type { Pdu } from './event.ts';
import { readReceivedPdu } from './received-pdu.ts';
import { referenceJson } from './reference-hash.ts';

const KEY = SigningKey.fromSeed('ed25519:k', Buffer.alloc(32, 3));
const CONTENTS: readonly (readonly [type: string, content: Pdu['content'], stateKey?: string])[] = [
  ['m.room.message', { body: 'é 😀', msgtype: 'm.text', 'zz key': [1, { b: null, a: true }] }],
  [
    'm.room.member',
    { membership: 'join', displayname: 'A', join_authorised_via_users_server: '@b:x' },
    '@a:x',
  ],
  ['m.room.power_levels', { users: { '@a:x': 100 }, invite: 50, other: 1 }, ''],
  ['m.room.join_rules', { join_rule: 'restricted', allow: [], more: 1 }, ''],
  ['m.room.redaction', { redacts: '$r:x', reason: 'why' }],
];

function made(versionId: string, [type, content, stateKey]: (typeof CONTENTS)[number]): Pdu {
  const version = roomVersion(versionId);
  const pdu: Pdu = {
    ...{ type, content, room_id: '!r:x', sender: '@a:x', origin_server_ts: 5, depth: 7 },
    ...{ prev_events: [], auth_events: [], origin: 'x', membership: 'join', unknown: { deep: ['x'] } },
  };
  if (stateKey !== undefined) pdu.state_key = stateKey;
  if (version.eventIdFormat === 'server-chosen') pdu.event_id = '$e:x';
  return { ...signPdu(pdu, version, serverName('x'), KEY), unsigned: { age: 4 } };
}

test('what is worked out of a received event at once is what each part of it gives', () => {
  for (const version of ROOM_VERSIONS.values()) {
    for (const contents of CONTENTS) {
      const pdu = made(version.id, contents);
      for (const given of [pdu, { ...pdu, content: { ...pdu.content, changed: 'by the way' } }]) {
        const read = readReceivedPdu(given, version);
        assert.deepEqual(read.pdu, given);
        assert.equal(read.eventId, eventIdOf(given, version), version.id);
        assert.equal(read.signedText, referenceJson(given, version), version.id);
        assert.equal(read.hashMatches, contentHashMatches(given, version), version.id);
        assert.equal(read.hashMatches, given === pdu);
      }
    }
  }
});
