import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation/federation.ts';
import type { RemoteEvent } from '../../testing/federation/remote-room.ts';
import { roomWithGuest, type RoomWithGuest } from '../../testing/federation/room-with-guest.ts';

/** A message of the guest's that is not sent yet. */
function unsent({ room }: RoomWithGuest): RemoteEvent {
  return room.make({ type: 'm.room.message', content: { msgtype: 'm.text', body: 'comes late' } });
}

/** What is left of the content of an event that was sent. */
async function contentOf({ alice, roomId }: RoomWithGuest, { eventId }: RemoteEvent): Promise<unknown> {
  return (await alice.ok('GET', alice.room(roomId, `/event/${encodeURIComponent(eventId)}`))).content;
}

for (const version of ['1', '10', '11', '12']) {
  onFederation(
    `what somebody of this server redacts before it is here is redacted once it comes (version ${version})`,
    async (federation) => {
      const scene = await roomWithGuest(federation, { room_version: version });
      const { alice, roomId, room } = scene;
      const late = unsent(scene);
      await alice.ok('PUT', alice.room(roomId, `/redact/${encodeURIComponent(late.eventId)}/1`), {});
      assert.deepEqual(await room.send(late), [undefined]);
      assert.deepEqual(await contentOf(scene, late), {});
    },
    { servers: 1 },
  );
}

onFederation(
  'a redaction by somebody without the power to redact others leaves what comes later as it is',
  async (federation) => {
    const scene = await roomWithGuest(federation);
    const { a, roomId, room } = scene;
    const carol = await a.person('carol');
    await carol.join(roomId);
    const late = unsent(scene);
    await carol.ok('PUT', carol.room(roomId, `/redact/${encodeURIComponent(late.eventId)}/1`), {});
    assert.deepEqual(await room.send(late), [undefined]);
    assert.deepEqual(await contentOf(scene, late), late.pdu.content);
  },
  { servers: 1 },
);
