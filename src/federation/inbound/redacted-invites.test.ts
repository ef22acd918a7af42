import assert from 'node:assert/strict';
import type { Pdu } from '../../protocol/events/event.ts';
import { countersignPdu } from '../../protocol/signing.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';

for (const room_version of ['1', '2', '6', '8', '10', '11', '12']) {
  onFederation(
    `an invite that the sender's server did not sign is not taken in its redacted form (version ${room_version})`,
    async (federation) => {
      const { alice, roomId, room, remote } = await roomWithGuest(federation, {
        room_version,
        power_level_content_override: { invite: 50 },
      });
      const target = `@accomplice:${remote.name}`;
      const signed = { mxid: target, token: 'none', signatures: {} };
      const { pdu } = room.make({
        type: 'm.room.member',
        stateKey: target,
        sender: alice.userId,
        content: { membership: 'invite', third_party_invite: { display_name: 'x', signed } },
      });
      // The content hash is wrong, so the event counts as if it were redacted: up to version 10 without "third_party_invite".
      const unhashed: Pdu = { ...pdu, hashes: { sha256: 'A'.repeat(43) }, signatures: {} };
      await room.sendRaw(countersignPdu(unhashed, room.version, remote.name, remote.key));
      const path = alice.room(roomId, `/state/m.room.member/${encodeURIComponent(target)}`);
      assert.equal((await alice.ask('GET', path)).status, 404);
    },
    { servers: 1 },
  );
}
