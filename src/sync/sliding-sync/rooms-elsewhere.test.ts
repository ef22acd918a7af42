import assert from 'node:assert/strict';
import type { Json } from '../../testing/client/test-client.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';
import { allRooms, SlidingConnection } from './testing/sliding-connection.ts';

const ENCRYPTION = {
  type: 'm.room.encryption',
  state_key: '',
  content: { algorithm: 'm.megolm.v1.aes-sha2' },
};
const KNOCKING = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } };

/** Lists that differ by what they ask for. */
const FILTERS: Record<string, object> = {
  encrypted: { is_encrypted: true },
  plain: { is_encrypted: false },
  spaces: { room_types: ['m.space'] },
  untyped: { not_room_types: ['m.space'] },
  named: { room_name_like: 'TALK' },
  encryptedInvites: { is_encrypted: true, is_invite: true },
};
const LISTS = Object.fromEntries(
  Object.entries(FILTERS).map(([name, filters]) => [
    name,
    { ranges: [[0, 99]], timeline_limit: 0, required_state: [], filters },
  ]),
);

/** How many rooms each list has. */
async function counts(sliding: SlidingConnection): Promise<Record<string, number>> {
  const lists = (await sliding.next({ lists: LISTS })).lists as Record<string, { count: number }>;
  return Object.fromEntries(Object.entries(lists).map(([name, { count }]) => [name, count]));
}

onFederation(
  'filters know a room of another server by what came with the invite or the knock',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const invite = [bob.userId];
    const sliding = new SlidingConnection(bob);
    const none = { encrypted: 0, plain: 0, spaces: 0, untyped: 0, named: 0, encryptedInvites: 0 };
    assert.deepEqual(await counts(sliding), none);

    await alice.createRoom({ invite, name: 'Secret talk', initial_state: [ENCRYPTION] });
    await alice.createRoom({ invite, name: 'Space', creation_content: { type: 'm.space' } });
    const invited = { encrypted: 1, plain: 1, spaces: 1, untyped: 1, named: 1, encryptedInvites: 1 };
    assert.deepEqual(await counts(sliding), invited, 'when they come');

    const door = await alice.createRoom({
      name: 'Small talk',
      room_version: '11',
      initial_state: [ENCRYPTION, KNOCKING],
    });
    await bob.ok('POST', `/v3/knock/${encodeURIComponent(door)}?via=${a.name}`, {});
    const all = { ...invited, encrypted: 2, untyped: 2, named: 2 };
    assert.deepEqual(await counts(sliding), all);
    assert.deepEqual(await counts(new SlidingConnection(bob, 'new')), all);
    await b.stop();
    await b.start();
    assert.deepEqual(
      await counts(new SlidingConnection(b.client(bob.token), 'later')),
      all,
      'after a restart',
    );
  },
);

onFederation(
  'filters know a room of another server by the newest invite, and by its state once it is joined',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const sliding = new SlidingConnection(bob);
    const wishes = { lists: LISTS };
    const room = await alice.createRoom({ invite: [bob.userId], name: 'Talk' });
    assert.deepEqual(Object.keys((await sliding.next(wishes)).rooms), [room]);
    await bob.ok('POST', bob.room(room, '/leave'), {});
    const left = await counts(sliding);
    assert.deepEqual([left.plain, left.named], [0, 0]);
    await alice.setState(room, 'm.room.name', { name: 'Whispers' });
    await alice.setState(room, 'm.room.encryption', ENCRYPTION.content);
    const isOut = (body: Json) =>
      (body.rooms?.join?.[room]?.timeline?.events ?? []).some(
        (event: Json) => event.state_key === bob.userId && event.content.membership === 'leave',
      );
    await alice.syncUntil(undefined, isOut);
    await alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
    const again = await counts(sliding);
    assert.deepEqual([again.encryptedInvites, again.plain, again.named], [1, 0, 0]);
    await bob.join(room, a.name);
    const joined = await counts(sliding);
    assert.deepEqual([joined.encrypted, joined.encryptedInvites, joined.plain], [1, 0, 0]);
  },
);

onFederation(
  'filters by what the user says of rooms, and by spaces, take rooms of other servers, too',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const room = await alice.createRoom({ invite: [bob.userId] });
    await alice.createRoom({ invite: [bob.userId] });
    const space = await bob.createRoom({ creation_content: { type: 'm.space' } });
    await bob.setState(space, 'm.space.child', { via: [a.name] }, room);
    const mine = `/v3/user/${encodeURIComponent(bob.userId)}`;
    await bob.ok('PUT', `${mine}/account_data/m.direct`, { [alice.userId]: [room] });
    await bob.ok('PUT', `${mine}/rooms/${encodeURIComponent(room)}/tags/m.favourite`, {});
    for (const filters of [{ is_dm: true }, { tags: ['m.favourite'] }, { spaces: [space] }]) {
      const told = await new SlidingConnection(bob).next(allRooms(0, [], { filters }));
      assert.deepEqual(Object.keys(told.rooms), [room], JSON.stringify(filters));
    }
    const known = (await new SlidingConnection(bob).next(allRooms(0))).rooms;
    assert.equal(known[room].is_dm, true);
  },
);

onFederation(
  'filters tell who is invited from elsewhere nothing of what others here knew of the room',
  async (federation) => {
    const { a, alice, roomId, room, remote } = await roomWithGuest(federation, {
      ...{ room_version: '10', guestPower: 100, name: 'Secret plans' },
    });
    await alice.setState(roomId, 'm.room.encryption', ENCRYPTION.content);
    await alice.ok('POST', alice.room(roomId, '/leave'), {});
    const carol = await a.person('carol');
    const content = { membership: 'invite' };
    const { pdu, eventId } = room.next({ type: 'm.room.member', stateKey: carol.userId, content });
    const shown = {
      type: 'm.room.name',
      state_key: '',
      sender: room.userId,
      content: { name: 'Small talk' },
    };
    const path = `${encodeURIComponent(roomId)}/${encodeURIComponent(eventId)}`;
    const body = { event: pdu, room_version: '10', invite_room_state: [shown] } as unknown as Json;
    const answer = await remote.ask(a.name, 'PUT', `/_matrix/federation/v2/invite/${path}`, body);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    const filters = { room_name_like: 'secret' };
    const guess = new SlidingConnection(carol, 'guess');
    assert.deepEqual((await guess.next(allRooms(0, [], { filters }))).lists, { all: { count: 0 } });
    const told = await counts(new SlidingConnection(carol));
    assert.deepEqual([told.named, told.plain, told.encrypted], [1, 1, 0]);
  },
  { servers: 1 },
);

onFederation(
  'of a room of another server one is told what came with the invite, and how it ended',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const own = await bob.createRoom();
    const wishes = allRooms(5, [
      ['m.room.member', '$ME'],
      ['m.room.name', ''],
    ]);
    const sliding = new SlidingConnection(bob);
    await sliding.next(wishes);
    const room = await alice.createRoom({ invite: [bob.userId], name: 'Talk' });
    const invited = (await sliding.next(wishes)).rooms[room];
    assert.deepEqual(Object.keys(invited).sort(), ['bump_stamp', 'initial', 'invite_state']);
    const types = (invited.invite_state as Json[]).map(({ type }) => type);
    assert.ok(types.includes('m.room.name') && types.includes('m.room.create'), types.join());
    const newest = { lists: { newest: { ranges: [[0, 0]], timeline_limit: 0, required_state: [] } } };
    const first = await new SlidingConnection(bob, 'first').next(newest);
    assert.deepEqual(Object.keys(first.rooms), [room], 'it is the newest');
    await bob.say(own, 'to myself');
    const next = await new SlidingConnection(bob, 'next').next(newest);
    assert.deepEqual(Object.keys(next.rooms), [own], 'until something else happens');
    await bob.ok('POST', bob.room(room, '/leave'), {});
    const declined = await sliding.next(wishes);
    assert.deepEqual(declined.lists.all, { count: 1 });
    const told = declined.rooms[room];
    assert.deepEqual(
      (told.required_state as Json[]).map((event) => [event.state_key, event.content.membership]),
      [[bob.userId, 'leave']],
    );
    assert.ok(told.bump_stamp > invited.bump_stamp);
    assert.deepEqual(
      [told.name, told.joined_count, told.timeline ?? []],
      [undefined, undefined, []],
      JSON.stringify(told),
    );
    assert.deepEqual((await sliding.next(wishes)).rooms, {});
  },
);
