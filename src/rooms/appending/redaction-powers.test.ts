import assert from 'node:assert/strict';
import type { EventId } from '../../protocol/identifiers.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import type { RemoteEvent } from '../../testing/federation/remote-room.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';

for (const version of ['1', '3', '10', '11', '12']) {
  onFederation(
    `who lost the power to redact does not get it back by naming what was before (version ${version})`,
    async (federation) => {
      const { alice, roomId, room, remote } = await roomWithGuest(federation, {
        room_version: version,
        power_level_content_override: { users_default: 50 },
      });
      const said = await alice.say(roomId, 'an evidence');
      const levels = await alice.ok('GET', alice.room(roomId, '/state/m.room.power_levels/'));
      const before = { latest: room.latest, depth: room.depth };
      const demotion = await alice.setState(roomId, 'm.room.power_levels', { ...levels, users_default: 0 });
      const arrived = await remote.until(() =>
        remote.pdus.find(({ type }) => type === 'm.room.power_levels'),
      );
      const redaction = (prev: EventId[], depth: number) =>
        room.make({
          type: 'm.room.redaction',
          content: Number(version) >= 11 ? { redacts: said } : {},
          more: Number(version) >= 11 ? {} : { redacts: said },
          ...{ prev, depth },
        });
      // One follows the demotion and is authorised by the levels of before; one comes from before the demotion.
      await room.send(
        redaction([demotion as EventId], (arrived.depth as number) + 1),
        redaction(before.latest, before.depth + 1),
      );
      const event = await alice.ok('GET', alice.room(roomId, `/event/${encodeURIComponent(said)}`));
      assert.equal(event.content.body, 'an evidence');
    },
    { servers: 1 },
  );
}

for (const version of ['10', '11', '12']) {
  onFederation(
    `a redaction redacts what its room version says, whatever else it names (version ${version})`,
    async (federation) => {
      const scene = await roomWithGuest(federation, { room_version: version });
      const { alice, roomId, room } = scene;
      const [meant, other] = [room.say('meant'), room.say('other')];
      await room.send(meant, other);
      const contentOf = async ({ eventId }: RemoteEvent): Promise<unknown> =>
        (await alice.ok('GET', alice.room(roomId, `/event/${encodeURIComponent(eventId)}`))).content;
      for (const event of [meant, other]) assert.deepEqual(await contentOf(event), event.pdu.content);
      const [inside, above] = Number(version) >= 11 ? [meant, other] : [other, meant];
      const redaction = room.next({
        type: 'm.room.redaction',
        content: { redacts: inside.eventId },
        more: { redacts: above.eventId },
      });
      assert.deepEqual(await room.send(redaction), [undefined]);
      assert.deepEqual(await contentOf(meant), {});
      assert.deepEqual(await contentOf(other), other.pdu.content);
    },
    { servers: 1 },
  );
}
