import assert from 'node:assert/strict';
import { test } from 'node:test';
import type { JsonObject } from '../../protocol/json.ts';
import { StoredEvent } from './stored-event.ts';

function forClients(content: JsonObject, envelope: JsonObject, type = 'm.room.redaction'): JsonObject {
  const event = new StoredEvent({
    position: 1,
    event_id: '$redaction',
    room_id: '!room:here',
    type,
    state_key: null,
    sender: '@mod:here',
    origin_server_ts: 1,
    content: JSON.stringify(content),
    envelope: JSON.stringify({ depth: 1, ...envelope }),
    state_root: new Uint8Array(0),
    replaces: null,
    redacted_by: null,
    txn: null,
    auth_depth: null,
    room_root: null,
    refused: null,
  });
  const { redacts, content: shown } = JSON.parse(`${event.clientText}}`) as JsonObject;
  return { redacts, content: shown };
}

test('clients find what is redacted where any room version has it', () => {
  const both = { redacts: '$1', content: { reason: 'spam', redacts: '$1' } };
  assert.deepEqual(forClients({ reason: 'spam', redacts: '$1' }, {}), both);
  assert.deepEqual(forClients({ reason: 'spam' }, { redacts: '$1' }), both);
  assert.deepEqual(forClients({ reason: 'spam', redacts: '$1' }, { redacts: '$1' }), both);
});

test('an event that names two to redact, or is no redaction, names none at the top level', () => {
  assert.deepEqual(forClients({ redacts: '$1' }, { redacts: '$2' }), {
    redacts: undefined,
    content: { redacts: '$1' },
  });
  assert.deepEqual(forClients({ a: 1 }, { redacts: '$2' }, 'm.room.message'), {
    redacts: undefined,
    content: { a: 1 },
  });
});
