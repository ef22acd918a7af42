import assert from 'node:assert/strict';
import { eventIdOf } from '../../protocol/events/event-id.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { countersignPdu } from '../../protocol/signing.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import { type RemoteEvent } from '../../testing/federation/remote-room.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';
import { bodies } from '../../testing/client/test-client.ts';

onFederation(
  'events with hashes of further functions are taken, those with too many are not [A102]',
  async (federation) => {
    const { alice, roomId, room, remote } = await roomWithGuest(federation);
    const withHashes = (body: string, more: JsonObject): RemoteEvent => {
      const { pdu: made } = room.make({ type: 'm.room.message', content: { msgtype: 'm.text', body } });
      const unsigned = { ...made, hashes: { ...(made.hashes as JsonObject), ...more }, signatures: {} };
      const pdu = countersignPdu(unsigned, room.version, remote.name, remote.key);
      return { pdu, eventId: eventIdOf(pdu, room.version) };
    };
    const many = Object.fromEntries(Array.from({ length: 8 }, (_, i) => [`more${i}`, 'abc']));
    const [taken, tooMany, tooLong] = await room.send(
      withHashes('whole', { sha512: 's'.repeat(86) }),
      withHashes('too many', many),
      withHashes('too long', { sha512: 's'.repeat(200) }),
    );
    assert.equal(taken, undefined);
    assert.match(tooMany ?? '', /9 hashes; 8 are allowed/);
    assert.match(tooLong ?? '', /at most 128 bytes/);
    const page = await alice.ok('GET', alice.room(roomId, '/messages?dir=b&limit=10'));
    assert.deepEqual(bodies(page.chunk), ['whole']);
  },
  { servers: 1 },
);
