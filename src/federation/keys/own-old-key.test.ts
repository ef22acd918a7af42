import assert from 'node:assert/strict';
import { signPdu, SigningKey } from '../../protocol/signing.ts';
import { bodies } from '../../testing/client/test-client.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';

const OLD = SigningKey.fromSeed('ed25519:old', Buffer.alloc(32, 9));

onFederation(
  'an old key of this server vouches for no event after its expiry',
  async (federation) => {
    const { a, alice, roomId, room } = await roomWithGuest(federation, { room_version: '10' });
    const { pdu } = room.make({
      type: 'm.room.message',
      sender: alice.userId,
      content: { msgtype: 'm.text', body: 'by whoever found the old key' },
    });
    await room.sendRaw(signPdu({ ...pdu, signatures: {} }, room.version, a.name, OLD));
    const page = await alice.ok('GET', alice.room(roomId, '/messages?dir=b&limit=10'));
    assert.deepEqual(bodies(page.chunk), []);
  },
  { servers: 1, env: { MYELIN_FEDERATION_OLD_KEYS: `ed25519:old ${OLD.publicKey} 1700000000000` } },
);
