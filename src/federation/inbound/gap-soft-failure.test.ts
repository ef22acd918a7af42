import assert from 'node:assert/strict';
import type { EventId } from '../../protocol/identifiers.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';
import { serve, timeline } from './testing/remote-guest.ts';

for (const version of ['1', '10', '12']) {
  onFederation(
    `what somebody says from before their ban is kept out of sight, also where another event follows it (version ${version})`,
    async (federation) => {
      const { alice, roomId, room, remote } = await roomWithGuest(federation, { room_version: version });
      const eve = `@eve:${remote.name}`;
      const join = room.next({
        type: 'm.room.member',
        stateKey: eve,
        sender: eve,
        content: { membership: 'join' },
      });
      assert.deepEqual(await room.send(join), [undefined]);
      const state = [...room.state.values()];
      await alice.ok('POST', alice.room(roomId, '/ban'), { user_id: eve });
      const ban = await remote.until(() =>
        remote.pdus.find(({ content }) => (content as Json).membership === 'ban'),
      );
      const members = await alice.ok('GET', alice.room(roomId, '/state'));
      const banId = members.find((event: Json) => event.state_key === eve).event_id as EventId;
      const content = { msgtype: 'm.text', body: 'heard all the same' };
      const late = room.make({ type: 'm.room.message', sender: eve, content });
      serve(remote, [late], { [late.eventId]: state });
      const missing = remote.answer;
      remote.answer = (seen) =>
        seen.url.includes('/get_missing_events/') ? { status: 200, body: { events: [] } } : missing?.(seen);
      const decoy = room.make({
        type: 'm.room.message',
        content: { msgtype: 'm.text', body: 'nothing special' },
        prev: [late.eventId, banId],
        depth: (ban.depth as number) + 1,
      });
      assert.deepEqual(await room.send(decoy), [undefined]);
      assert.deepEqual(await room.send(late), [undefined]);
      // Once withheld, it does not come in as history either.
      remote.answer = ({ url }) =>
        url.includes('/backfill/') ? { status: 200, body: { pdus: [late.pdu] } } : undefined;
      assert.deepEqual(bodies(await timeline(alice, roomId)), ['nothing special']);
      assert.ok(!JSON.stringify(await alice.sync()).includes(content.body));
    },
    { servers: 1 },
  );
}
