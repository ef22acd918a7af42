import assert from 'node:assert/strict';
import { onServers } from '../../testing/server/test-server.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';
import { SlidingConnection } from './testing/sliding-connection.ts';

/** What matrix-rust-sdk's room list wants of each room's state. */
const ROOM_LIST_STATE = [
  ['m.room.name', ''],
  ['m.room.encryption', ''],
  ['m.room.member', '$LAZY'],
  ['m.room.member', '$ME'],
  ['m.room.topic', ''],
  ['m.room.avatar', ''],
  ['m.room.canonical_alias', ''],
  ['m.room.power_levels', ''],
  ['org.matrix.msc3401.call.member', '*'],
  ['m.room.join_rules', ''],
  ['m.room.tombstone', ''],
  ['m.room.create', ''],
  ['m.room.history_visibility', ''],
  ['io.element.functional_members', ''],
  ['m.space.parent', '*'],
  ['m.space.child', '*'],
  ['org.matrix.msc3672.beacon_info', '*'],
];

const EXTENSIONS = {
  account_data: { enabled: true },
  receipts: { enabled: true, rooms: ['*'] },
  typing: { enabled: true },
  'io.element.msc4308.thread_subscriptions': { enabled: true, limit: 10 },
};

function roomList(to: number): { lists: Record<string, object>; extensions: Record<string, object> } {
  const list = { ranges: [[0, to]], timeline_limit: 1, required_state: ROOM_LIST_STATE, filters: {} };
  return { lists: { all_rooms: list }, extensions: EXTENSIONS };
}

onServers('the room list of Element X grows, and then is told what is new [B138 partial]', async (world) => {
  const [alice, bob] = [await world.person('alice'), await world.person('bob')];
  const rooms: string[] = [];
  for (let i = 0; i < 25; i++) {
    const room = await alice.createRoom({ preset: 'public_chat', name: `room ${i}` });
    await bob.join(room);
    await alice.say(room, `hello ${i}`);
    rooms.push(room);
  }
  const sliding = new SlidingConnection(bob, 'room-list');
  const first = await sliding.next(roomList(19));
  assert.equal(first.lists.all_rooms.count, 25);
  assert.equal(Object.keys(first.rooms).length, 20);
  const newest = first.rooms[rooms[24]!];
  assert.deepEqual([newest.name, newest.initial, bodies(newest.timeline)], ['room 24', true, ['hello 24']]);
  const types = new Set((newest.required_state as Json[]).map((event) => event.type));
  for (const type of ['m.room.create', 'm.room.name', 'm.room.power_levels', 'm.room.member'])
    assert.ok(types.has(type));
  const grown = await sliding.next(roomList(24));
  assert.equal(Object.keys(grown.rooms).length, 5);
  assert.ok(Object.keys(first.extensions.account_data.global).length > 0);

  const inRoom = {
    ...roomList(24),
    room_subscriptions: {
      [rooms[3]!]: { timeline_limit: 20, required_state: [...ROOM_LIST_STATE, ['m.room.pinned_events', '']] },
    },
  };
  const opened = (await sliding.next(inRoom, 30_000)).rooms[rooms[3]!];
  assert.equal(opened.unstable_expanded_timeline, true);
  assert.ok(opened.timeline.length > 5);
  const waiting = sliding.next(inRoom, 30_000);
  await alice.say(rooms[3]!, 'while it is open');
  assert.deepEqual(bodies((await waiting).rooms[rooms[3]!].timeline), ['while it is open']);
  await world.restart();
  const later = new SlidingConnection(world.anonymous(), 'room-list');
  later.client.token = bob.token;
  later.pos = sliding.pos;
  assert.deepEqual((await later.next(inRoom)).rooms, {});
});

onServers(
  'the other two connections of Element X bring keys and what a push was about [B138 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const encryption = new SlidingConnection(bob, 'encryption');
    const keys = { extensions: { to_device: { enabled: true }, e2ee: { enabled: true } } };
    const first = await encryption.next(keys);
    assert.deepEqual(Object.keys(first.extensions).sort(), ['e2ee', 'to_device']);
    assert.equal(first.lists, undefined);
    const since = first.extensions.to_device.next_batch as string;
    const waiting = encryption.next(
      { extensions: { ...keys.extensions, to_device: { enabled: true, since } } },
      30_000,
    );
    await alice.ok('PUT', '/v3/sendToDevice/m.room.encrypted/x', {
      messages: { [bob.userId]: { '*': { body: 'key' } } },
    });
    assert.equal((await waiting).extensions.to_device.events.length, 1);

    const invite = await alice.createRoom({ invite: [bob.userId] });
    const event = await alice.say(room, 'pushed');
    const state = ROOM_LIST_STATE.filter(([type]) => !type!.startsWith('m.space'));
    const notifications = new SlidingConnection(bob, 'notifications');
    const pushed = await notifications.next({
      lists: {
        invites: {
          ranges: [[0, 16]],
          timeline_limit: 8,
          required_state: state,
          filters: { is_invite: true },
        },
      },
      room_subscriptions: { [room]: { timeline_limit: 16, required_state: state } },
      extensions: { account_data: { enabled: true } },
    });
    assert.deepEqual(new Set(Object.keys(pushed.rooms)), new Set([room, invite]));
    assert.ok((pushed.rooms[room].timeline as Json[]).some((one) => one.event_id === event));
    const own = (pushed.rooms[invite].invite_state as Json[]).find((one) => one.state_key === bob.userId);
    assert.equal(own.content.membership, 'invite');
    assert.equal(pushed.lists.invites.count, 1);
  },
);
