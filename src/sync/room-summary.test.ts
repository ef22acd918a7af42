import assert from 'node:assert/strict';
import { joined } from '../testing/client/sync-body.ts';
import type { Json, TestClient } from '../testing/client/test-client.ts';
import { onFederation } from '../testing/federation/federation.ts';
import { roomWithGuest } from '../testing/federation/room-with-guest.ts';
import { onServers } from '../testing/server/test-server.ts';
import { allRooms, SlidingConnection } from './sliding-sync/testing/sliding-connection.ts';

const ids = (...people: TestClient[]) => people.map(({ userId }) => userId);

onServers(
  'the heroes of a room are those who came first, joined or invited, whatever their names [B026 partial] [B138 partial]',
  async ({ person }) => {
    const alice = await person('alice');
    // The later somebody comes, the earlier the name.
    const [first, second, invited, fourth] = [
      await person('h'),
      await person('g'),
      await person('f'),
      await person('e'),
    ];
    const [fifth, sixth, last] = [await person('d'), await person('c'), await person('b')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    const heroes = async (who = alice) => joined(await who.sync(), room).summary['m.heroes'];
    const enter = async (who: TestClient) => {
      await who.join(room);
      return heroes();
    };
    assert.deepEqual(await enter(first), ids(first));
    assert.deepEqual(await enter(second), ids(first, second));
    await alice.ok('POST', alice.room(room, '/invite'), { user_id: invited.userId });
    assert.deepEqual(await enter(fourth), ids(first, second, invited, fourth));
    const firstFive = ids(first, second, invited, fourth, fifth);
    for (const who of [fifth, sixth, last]) assert.deepEqual((await enter(who)).slice(0, 5), firstFive);
    assert.deepEqual(await heroes(last), ids(alice, first, second, invited, fourth));
    const sliding = (await new SlidingConnection(alice).next(allRooms(1))).rooms[room].heroes;
    assert.deepEqual(
      sliding.map((hero: { user_id: string }) => hero.user_id),
      firstFive,
    );
    const leave = (who: TestClient) => who.ok('POST', who.room(room, '/leave'), {});
    await leave(last);
    assert.deepEqual(await heroes(), firstFive);
    await leave(second);
    assert.deepEqual(await heroes(), ids(first, invited, fourth, fifth, sixth));
    for (const who of [first, invited, fourth, fifth, sixth]) await leave(who);
    assert.deepEqual(await heroes(), ids(last, second, first, invited, fourth));
    assert.deepEqual(await enter(last), ids(last));
  },
);

onFederation(
  'a room whose name is redacted gets heroes at once, also by a redaction that names another event, too',
  async (federation) => {
    const named = { room_version: '11', guestPower: 100, name: 'Named' };
    const { alice, roomId, room } = await roomWithGuest(federation, named);
    const other = room.say('other');
    await room.send(other);
    const state = await alice.ok('GET', alice.room(roomId, '/state'));
    const name = state.find((event: Json) => event.type === 'm.room.name').event_id;
    const { next_batch: since } = await alice.sync();
    await room.send(
      room.next({ type: 'm.room.redaction', content: { redacts: name }, more: { redacts: other.eventId } }),
    );
    const { summary } = joined(await alice.sync({ since }), roomId);
    assert.deepEqual(summary['m.heroes'], [room.userId]);
  },
  { servers: 1 },
);

onServers('a room without a name is known by its heroes [B026 partial]', async ({ person }) => {
  const people = await Promise.all(['alice', 'bob', 'carol'].map(person));
  const [alice, bob, carol] = people;
  assert.ok(alice && bob && carol);
  const room = await alice.createRoom({ invite: [bob.userId, carol.userId] });
  await bob.join(room);
  const summary = joined(await alice.sync(), room).summary;
  assert.deepEqual([...(summary?.['m.heroes'] ?? [])].sort(), [bob.userId, carol.userId]);
  assert.equal(summary?.['m.joined_member_count'], 2);
  assert.equal(summary?.['m.invited_member_count'], 1);
  await alice.setState(room, 'm.room.name', { name: 'named' });
  assert.equal(joined(await alice.sync(), room).summary?.['m.heroes'], undefined);
});

onServers('a room that loses its name is known by its heroes again [B026 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const named = { preset: 'public_chat', room_alias_name: 'meeting' };
  const room = await alice.createRoom(named);
  await bob.join(room);
  let { next_batch: since } = await alice.sync();
  const heroes = async (): Promise<Json> => {
    const body = await alice.sync({ since });
    since = body.next_batch;
    return joined(body, room).summary?.['m.heroes'];
  };
  await alice.ok('DELETE', `/v3/directory/room/${encodeURIComponent('#meeting:localhost')}`);
  assert.deepEqual(await heroes(), [bob.userId]);
  const name = await alice.setState(room, 'm.room.name', { name: 'named' });
  assert.equal(await heroes(), undefined);
  await alice.ok('PUT', alice.room(room, `/redact/${encodeURIComponent(name)}/once`), {});
  assert.deepEqual(await heroes(), [bob.userId]);
  await alice.setState(room, 'm.room.name', { name: 'named' });
  assert.equal(await heroes(), undefined);
  await alice.setState(room, 'm.room.name', { name: '' });
  assert.deepEqual(await heroes(), [bob.userId]);
});
