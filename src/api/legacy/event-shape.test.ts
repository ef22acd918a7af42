import assert from 'node:assert/strict';
import { test } from 'node:test';
import { alphaEvent, v1Event, v1StreamEvent } from './event-shape.ts';

const redaction = {
  type: 'm.room.redaction',
  sender: '@mod:here',
  event_id: '$2',
  content: { redacts: '$1', reason: 'spam' },
  redacts: '$1',
  unsigned: {},
};
const message = {
  type: 'm.room.message',
  sender: '@alice:here',
  event_id: '$1',
  room_id: '!r:here',
  content: {},
  unsigned: {
    age: 5,
    transaction_id: 'one',
    membership: 'join',
    redacted_because: redaction,
    'm.relations': { 'm.reference': {} },
  },
};
const name = {
  type: 'm.room.name',
  state_key: '',
  sender: '@alice:here',
  content: { name: 'new' },
  unsigned: { age: 7, prev_content: { name: 'old' }, replaces_state: '$0', prev_sender: '@bob:here' },
};

test('version 1 has annotations beside the content, and the sender as user_id', () => {
  assert.deepEqual(v1Event(message), {
    type: 'm.room.message',
    user_id: '@alice:here',
    event_id: '$1',
    room_id: '!r:here',
    content: {},
    age: 5,
    redacted_because: {
      type: 'm.room.redaction',
      user_id: '@mod:here',
      event_id: '$2',
      content: { redacts: '$1', reason: 'spam' },
      redacts: '$1',
    },
  });
  assert.deepEqual(v1Event(name), {
    type: 'm.room.name',
    state_key: '',
    user_id: '@alice:here',
    content: { name: 'new' },
    age: 7,
    prev_content: { name: 'old' },
    replaces_state: '$0',
  });
});

test('version 2 alpha keeps sender and unsigned, and has the keys of the schemas beside the content', () => {
  const shaped = alphaEvent(message);
  assert.equal(shaped.sender, '@alice:here');
  const because = { ...redaction, redacts: '$1' };
  assert.deepEqual(shaped.unsigned, { age: 5, txn_id: 'one', redacted_because: because });
  assert.deepEqual(shaped.redacted_because, because);
  assert.deepEqual(alphaEvent(name).prev_content, { name: 'old' });
});

test('presence names its user in the content, a room its creator', () => {
  const presence = { type: 'm.presence', sender: '@alice:here', content: { presence: 'online' } };
  const { event_id: id, ...shaped } = v1StreamEvent(presence);
  assert.match(String(id), /^\$[\w-]{43}$/);
  assert.deepEqual(shaped, {
    type: 'm.presence',
    content: { presence: 'online', user_id: '@alice:here' },
  });
  const create = { type: 'm.room.create', state_key: '', sender: '@alice:here', content: {} };
  assert.deepEqual(v1Event(create).content, { creator: '@alice:here' });
  const typing = { type: 'm.typing', room_id: '!r:here', content: { user_ids: [] } };
  assert.deepEqual(v1StreamEvent(typing), typing);
});
