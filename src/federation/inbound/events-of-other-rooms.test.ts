import assert from 'node:assert/strict';
import { stateKeyOf } from '../../protocol/events/event.ts';
import { onFederation, type TestFederation } from '../../testing/federation/federation.ts';
import { RemoteRoom } from '../../testing/federation/remote-room.ts';
import { roomWithGuest, type RoomWithGuest } from '../../testing/federation/room-with-guest.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';
import { timeline } from './testing/remote-guest.ts';

/** A room, and another in which the guest of it has all power and somebody of the same server is. */
async function roomAndOther(
  federation: TestFederation,
  version: string,
): Promise<RoomWithGuest & { there: RemoteRoom }> {
  const guest = await roomWithGuest(federation, { room_version: version });
  const { a, remote } = guest;
  const bob = await a.person('bob');
  const creators = version === '12' ? {} : { [bob.userId]: 100 };
  const other = await bob.createRoom({
    preset: 'public_chat',
    name: 'taken over',
    room_version: version,
    power_level_content_override: { users: { ...creators, [`@mallory:${remote.name}`]: 100 } },
  });
  return { ...guest, there: await RemoteRoom.join(remote, a.name, other) };
}

/** What the room's state is, as people see it. */
async function stateOf({ alice, roomId }: RoomWithGuest): Promise<string[]> {
  const state = await alice.ok('GET', alice.room(roomId, '/state'));
  return state.map((event: Json) => `${event.type} ${event.state_key} ${event.event_id}`).sort();
}

const message = { type: 'm.room.message', content: { msgtype: 'm.text', body: 'from elsewhere' } };

for (const version of ['1', '2', '6', '10', '12']) {
  onFederation(
    `an event that follows those of another room is not taken, and brings no state along (version ${version})`,
    async (federation) => {
      const guest = await roomAndOther(federation, version);
      const { alice, roomId, room, there } = guest;
      const last = there.say('the end of the other room');
      assert.deepEqual(await there.send(last), [undefined]);
      const before = await stateOf(guest);
      const alone = room.make({ ...message, prev: [last.eventId] });
      const beside = room.make({ ...message, prev: [...room.latest, last.eventId] });
      for (const error of await room.send(alone, beside)) assert.match(String(error), /could not be had/);
      assert.deepEqual(await stateOf(guest), before);
      assert.deepEqual(bodies(await timeline(alice, roomId)), []);
    },
    { servers: 1 },
  );
}

onFederation(
  'a leave, too, is not taken on top of another room',
  async (federation) => {
    const guest = await roomAndOther(federation, '10');
    const { a, room, remote, there } = guest;
    const last = there.say('the end of the other room');
    await there.send(last);
    const before = await stateOf(guest);
    const leave = room.make({
      type: 'm.room.member',
      stateKey: room.userId,
      content: { membership: 'leave' },
      prev: [last.eventId],
    });
    const path = `${encodeURIComponent(room.roomId)}/${encodeURIComponent(leave.eventId)}`;
    const { status } = await remote.ask(
      a.name,
      'PUT',
      `/_matrix/federation/v2/send_leave/${path}`,
      leave.pdu,
    );
    assert.equal(status, 400);
    assert.deepEqual(await stateOf(guest), before);
  },
  { servers: 1 },
);

onFederation(
  'nobody is authorised by events of another room',
  async (federation) => {
    const { alice, roomId, room, there } = await roomAndOther(federation, '10');
    const auth = [...there.state.values()].filter(({ pdu }) =>
      ['m.room.create', 'm.room.power_levels'].includes(pdu.type),
    );
    const own = room.state.get(stateKeyOf('m.room.member', room.userId));
    assert.ok(own);
    const name = room.make({
      type: 'm.room.name',
      stateKey: '',
      content: { name: 'mine' },
      auth: [...auth.map(({ eventId }) => eventId), own.eventId],
    });
    assert.deepEqual(await room.send(name), ['One of its auth events is of another room']);
    assert.equal((await alice.ask('GET', alice.room(roomId, '/state/m.room.name'))).status, 404);
  },
  { servers: 1 },
);

for (const version of ['1', '10', '12']) {
  onFederation(
    `a state of events of another room, or with some of them, is not believed (version ${version})`,
    async (federation) => {
      const guest = await roomAndOther(federation, version);
      const { alice, roomId, room, remote, there } = guest;
      const own = [...room.state.values()].map(({ eventId }) => eventId);
      const ofOther = [...there.state.values()].map(({ eventId }) => eventId);
      const before = await stateOf(guest);
      for (const ids of [ofOther, [...own, ...ofOther.slice(1)]]) {
        const lost = room.make({ ...message, ts: remote.now() + ids.length });
        remote.answer = ({ url }) => {
          if (url.includes('/get_missing_events/')) return { status: 200, body: { events: [] } };
          if (url.includes('/event/')) return { status: 200, body: { pdus: [lost.pdu] } };
          const body = { pdu_ids: ids, auth_chain_ids: ids };
          return url.includes('/state_ids/') ? { status: 200, body } : undefined;
        };
        const after = room.make({ ...message, prev: [lost.eventId] });
        assert.match(String(await room.send(after)), /could not be had/);
      }
      assert.deepEqual(await stateOf(guest), before);
      assert.deepEqual(bodies(await timeline(alice, roomId)), []);
    },
    { servers: 1 },
  );
}

for (const version of ['1', '2']) {
  onFederation(
    `an event of a room of version ${version} cannot take the ID of an event of another room`,
    async (federation) => {
      const { a, alice, roomId, room, remote } = await roomWithGuest(federation, { room_version: '10' });
      const decoyOf = async (eventId: string) => {
        const old = await alice.createRoom({ preset: 'public_chat', room_version: version });
        const oldRoom = await RemoteRoom.join(remote, a.name, old);
        const decoy = oldRoom.make({ ...message, more: { event_id: eventId } });
        return { old, result: (await oldRoom.sendRaw(decoy.pdu))[eventId]?.error };
      };
      const event = room.say('to be heard');
      assert.match(String((await decoyOf(event.eventId)).result), /event_id must be/);
      assert.match(String((await decoyOf(`${event.eventId}:`)).result), /event_id must be/);
      assert.deepEqual(await room.send(event), [undefined]);
      assert.deepEqual(bodies(await timeline(alice, roomId)), ['to be heard']);
      const ownId = `$own:${remote.name}`;
      assert.equal((await decoyOf(ownId)).result, undefined);
      const { old, result } = await decoyOf(ownId);
      assert.equal(result, 'An event of another room has its ID');
      assert.deepEqual(bodies(await timeline(alice, old)), []);
    },
    { servers: 1 },
  );
}
