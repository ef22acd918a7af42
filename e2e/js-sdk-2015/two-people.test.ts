import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { onBothEngines } from '../../src/testing/server/engines.ts';
import { ServerProcess } from '../server-process.ts';
import { heard, oldPerson, said, start, type OldClient, type OldEvent, type OldRoom } from './old-sdk.ts';

/** Resolves when a client has heard something said. */
function hearing(client: OldClient, text: string): Promise<[OldEvent, OldRoom]> {
  return heard<[OldEvent, OldRoom]>(client, 'Room.timeline', (event) => event.getContent().body === text);
}

describe('2015: matrix-js-sdk 0.3.0', () => {
  onBothEngines(
    'two people register, meet, talk and read what was said before [A031 partial] [A033 partial] [A030 partial]',
    async (place) => {
      const server = await ServerProcess.start(place.env);
      const open: OldClient[] = [];
      try {
        for (const name of ['alice', 'bob']) open.push(await oldPerson(server.url, name));
        const [alice, bob] = open as [OldClient, OldClient];
        await alice.setDisplayName('Alice');
        const wishes = { room_alias_name: 'garden', visibility: 'public', name: 'The garden' };
        const { room_id: roomId } = await alice.createRoom({ ...wishes, preset: 'public_chat' });
        for (let i = 0; i < 25; i++) await alice.sendTextMessage(roomId, `m${i}`);
        const { chunk } = await bob.publicRooms();
        assert.deepEqual(chunk[0]?.aliases, ['#garden:localhost']);
        await bob.joinRoom('#garden:localhost');
        await start(alice, 5);
        await start(bob, 5);

        const room = bob.getRoom(roomId);
        assert.ok(room);
        assert.equal(room.name, 'The garden');
        assert.equal(room.getMember('@alice:localhost')?.name, 'Alice');
        assert.deepEqual(said(room), ['m21', 'm22', 'm23', 'm24']);
        while (!said(room).includes('m0')) await bob.scrollback(room, 10);
        assert.deepEqual(
          said(room),
          Array.from({ length: 25 }, (_, i) => `m${i}`),
        );

        const arrives = hearing(bob, 'hello bob');
        const { event_id: eventId } = await alice.sendTextMessage(roomId, 'hello bob');
        const [event] = await arrives;
        assert.deepEqual([event.getId(), event.getSender()], [eventId, '@alice:localhost']);
        const answer = hearing(alice, 'hello alice');
        await bob.sendTextMessage(roomId, 'hello alice');
        await answer;

        const renamed = heard<[OldRoom]>(bob, 'Room.name', ({ name }) => name === 'The field');
        await alice.setRoomName(roomId, 'The field');
        await renamed;
        const name = room.currentState.getStateEvents('m.room.name', '');
        assert.equal(name?.getPrevContent().name, 'The garden');

        const types = heard<[unknown, { typing: boolean }]>(
          bob,
          'RoomMember.typing',
          (_, member) => member.typing,
        );
        await alice.sendTyping(roomId, true, 20_000);
        await types;

        const redacted = heard<[OldEvent]>(
          bob,
          'Room.timeline',
          (one) => one.getType() === 'm.room.redaction',
        );
        await alice.redactEvent(roomId, eventId);
        await redacted;
        assert.ok(!said(room).includes('hello bob'));
      } finally {
        for (const client of open) client.stopClient();
        await server.stop();
      }
    },
  );

  onBothEngines('one is invited, joins, is kicked and cannot come back [A049 partial]', async (place) => {
    const server = await ServerProcess.start(place.env);
    const open: OldClient[] = [];
    try {
      for (const name of ['alice', 'bob']) open.push(await oldPerson(server.url, name));
      const [alice, bob] = open as [OldClient, OldClient];
      const { room_id: roomId } = await alice.createRoom({ preset: 'private_chat', name: 'Private' });
      await start(alice, 5);
      await start(bob, 5);
      const own = (membership: string) => (_: unknown, member: { userId: string; membership: string }) =>
        member.userId === '@bob:localhost' && member.membership === membership;
      const invited = heard(bob, 'RoomMember.membership', own('invite'));
      await alice.invite(roomId, '@bob:localhost');
      await invited;
      await bob.joinRoom(roomId);
      const arrives = hearing(bob, 'welcome');
      await alice.sendTextMessage(roomId, 'welcome');
      await arrives;
      const kicked = heard(bob, 'RoomMember.membership', own('leave'));
      await alice.kick(roomId, '@bob:localhost', 'enough');
      await kicked;
      await assert.rejects(bob.joinRoom(roomId), { errcode: 'M_FORBIDDEN' });
      await assert.rejects(bob.sendTextMessage(roomId, 'still here'));
    } finally {
      for (const client of open) client.stopClient();
      await server.stop();
    }
  });
});
