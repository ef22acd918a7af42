import assert from 'node:assert/strict';
import type { EventId } from '../../protocol/identifiers.ts';
import { SigningKey } from '../../protocol/signing.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import { RemoteRoom, type RemoteEvent } from '../../testing/federation/remote-room.ts';
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

/** A redaction of an event whose ID fits. */
function redactionOf(
  target: RemoteEvent,
  by: RemoteRoom,
  fits: (eventId: EventId) => boolean = () => true,
): RemoteEvent {
  for (let i = 0; ; i++) {
    const content = { reason: `try ${i}` };
    const redaction = by.make({ type: 'm.room.redaction', content, more: { redacts: target.eventId } });
    if (fits(redaction.eventId)) return redaction;
  }
}

onFederation(
  'a redaction takes effect on what comes later, however many that do not have come before it',
  async (federation) => {
    const scene = await roomWithGuest(federation, { room_version: '10' });
    const { a, roomId, room } = scene;
    const other = await federation.startRemote();
    other.key = SigningKey.fromSeed('ed25519:other', Buffer.alloc(32, 5));
    const powerless = await RemoteRoom.join(other, a.name, roomId);
    const late = unsent(scene);
    for (let i = 0; i < 25; i++) {
      const redaction = redactionOf(late, powerless, (id) => id < '$4');
      assert.deepEqual(await powerless.send(redaction), [undefined]);
    }
    assert.deepEqual(await room.send(redactionOf(late, room, (id) => id > '$5')), [undefined]);
    assert.deepEqual(await room.send(late), [undefined]);
    assert.deepEqual(await contentOf(scene, late), {});
  },
  { servers: 1 },
);

onFederation(
  'a redaction that comes together with its event, and before it, takes effect',
  async (federation) => {
    const scene = await roomWithGuest(federation, { room_version: '10' });
    const late = unsent(scene);
    assert.deepEqual(await scene.room.send(redactionOf(late, scene.room), late), [undefined, undefined]);
    assert.deepEqual(await contentOf(scene, late), {});
  },
  { servers: 1 },
);
