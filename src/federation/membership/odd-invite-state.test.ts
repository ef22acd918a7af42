import assert from 'node:assert/strict';
import type { Pdu } from '../../protocol/events/event.ts';
import { roomVersion } from '../../protocol/room-versions.ts';
import { finishPdu } from '../../protocol/signing.ts';
import type { Json } from '../../testing/client/test-client.ts';
import { onFederation } from '../../testing/federation/federation.ts';

onFederation(
  'of the state with an invite, clients are shown only what is stripped state',
  async ({ a, startRemote }) => {
    const remote = await startRemote();
    const alice = await a.person('alice');
    const version = roomVersion('10');
    const unsigned = {
      ...{ type: 'm.room.member', sender: `@bob:${remote.name}`, state_key: alice.userId },
      ...{ room_id: `!room:${remote.name}`, content: { membership: 'invite' } },
      ...{ origin_server_ts: Date.now(), depth: 5, prev_events: ['$prev'], auth_events: ['$auth'] },
    };
    const { pdu, eventId } = finishPdu(unsigned as Pdu, version, remote.name, remote.key);
    const name = {
      type: 'm.room.name',
      state_key: '',
      sender: `@bob:${remote.name}`,
      content: { name: 'Odd' },
    };
    const odd = [{}, { ...name, type: 5 }, { ...name, content: 'text' }, { ...name, sender: 'bob' }];
    const many = Array.from({ length: 200 }, (_, i) => ({ ...name, type: 'test.many', state_key: `${i}` }));
    const path = `${encodeURIComponent(`!room:${remote.name}`)}/${encodeURIComponent(eventId)}`;
    const body = { room_version: '10', event: pdu, invite_room_state: [...odd, name, ...many] };
    const answer = await remote.ask(a.name, 'PUT', `/_matrix/federation/v2/invite/${path}`, body);
    assert.equal(answer.status, 200);
    const { rooms } = await alice.sync();
    const events = rooms.invite[`!room:${remote.name}`].invite_state.events as Json[];
    assert.deepEqual(
      events.filter(({ type }) => type !== 'test.many' && type !== 'm.room.member'),
      [name],
    );
    assert.ok(events.length <= 101);
  },
  { servers: 1 },
);

onFederation(
  'of the state with an invite, only so many bytes are kept, first those by which a room is shown',
  async ({ a, startRemote }) => {
    const remote = await startRemote();
    const alice = await a.person('alice');
    const version = roomVersion('10');
    const [roomId, sender] = [`!room:${remote.name}`, `@bob:${remote.name}`];
    const unsigned = {
      ...{ type: 'm.room.member', sender, state_key: alice.userId, room_id: roomId },
      ...{ content: { membership: 'invite' }, origin_server_ts: Date.now() },
      ...{ depth: 5, prev_events: ['$prev'], auth_events: ['$auth'] },
    };
    const { pdu, eventId } = finishPdu(unsigned as Pdu, version, remote.name, remote.key);
    const state = (type: string, text: string, key = '') => ({
      ...{ type, state_key: key, sender, content: { text } },
    });
    const large = Array.from({ length: 10 }, (_, i) => state('test.large', 'x'.repeat(30_000), `${i}`));
    const [tooLarge, name] = [state('m.room.topic', 'x'.repeat(70_000)), state('m.room.name', 'Odd')];
    const body = { room_version: '10', event: pdu, invite_room_state: [tooLarge, ...large, name] };
    const path = `${encodeURIComponent(roomId)}/${encodeURIComponent(eventId)}`;
    const answer = await remote.ask(a.name, 'PUT', `/_matrix/federation/v2/invite/${path}`, body);
    assert.equal(answer.status, 200);
    const events = (await alice.sync()).rooms.invite[roomId].invite_state.events as Json[];
    const ofType = (wanted: string) => events.filter(({ type }) => type === wanted);
    assert.deepEqual(ofType('m.room.topic'), [], 'no event is that large');
    assert.deepEqual(ofType('m.room.name'), [name]);
    assert.equal(ofType('test.large').length, 4);
  },
  { servers: 1 },
);
