import assert from 'node:assert/strict';
import { onServers } from '../../testing/server/test-server.ts';
import { allRooms, members, state, SlidingConnection } from './testing/sliding-connection.ts';

onServers('required state goes by type and state key, with wildcards [B138 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ name: 'n', topic: 't', preset: 'public_chat' });
  await bob.join(room);
  await alice.setState(room, 'org.example.flag', {}, 'a');
  await alice.setState(room, 'org.example.flag', {}, 'b');
  const sliding = new SlidingConnection(alice);
  const told = async (pairs: string[][]) => {
    sliding.pos = undefined;
    return state((await sliding.next(allRooms(1, pairs))).rooms[room]);
  };
  assert.deepEqual(await told([]), []);
  assert.deepEqual(await told([['org.example.flag', '*']]), ['org.example.flag|a', 'org.example.flag|b']);
  assert.deepEqual(await told([['*', 'a']]), ['org.example.flag|a']);
  assert.deepEqual(await told([['m.room.member', '*']]), [
    `m.room.member|${alice.userId}`,
    `m.room.member|${bob.userId}`,
  ]);
  const all = await told([['*', '*']]);
  assert.ok(all.includes('m.room.create|') && all.includes(`m.room.member|${bob.userId}`), all.join());
  const lazily = await told([
    ['*', '*'],
    ['m.room.member', '$LAZY'],
  ]);
  assert.ok(
    lazily.includes('m.room.create|') && !lazily.includes(`m.room.member|${bob.userId}`),
    lazily.join(),
  );
});

onServers('members are loaded lazily, once to each connection [B138 partial]', async ({ person }) => {
  const [alice, bob, carol] = [await person('alice'), await person('bob'), await person('carol')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  await carol.join(room);
  await alice.say(room, 'one');
  await bob.say(room, 'two');
  const lazy = allRooms(2, [['m.room.member', '$LAZY']]);
  const sliding = new SlidingConnection(carol);
  assert.deepEqual(members((await sliding.next(lazy)).rooms[room]), [alice.userId, bob.userId]);
  await bob.say(room, 'three');
  assert.deepEqual(members((await sliding.next(lazy)).rooms[room]), []);
  await carol.say(room, 'four');
  assert.deepEqual(members((await sliding.next(lazy)).rooms[room]), [carol.userId]);
  const other = new SlidingConnection(carol, 'other');
  assert.deepEqual(members((await other.next(lazy)).rooms[room]), [bob.userId, carol.userId]);
  await bob.setState(room, 'm.room.member', { membership: 'join', displayname: 'Bobby' }, bob.userId);
  const renamed = (await sliding.next(lazy)).rooms[room];
  assert.deepEqual(members(renamed), [bob.userId]);
  assert.equal(renamed.required_state[0].content.displayname, 'Bobby');
  await bob.setState(room, 'm.room.member', { membership: 'join', displayname: 'Rob' }, bob.userId);
  for (let i = 0; i < 4; i++) await alice.say(room, `a${i}`);
  const limited = (await sliding.next(lazy)).rooms[room];
  assert.equal(limited.limited, true);
  assert.deepEqual(members(limited), []);
  await bob.say(room, 'with a new name');
  const latest = (await sliding.next(lazy)).rooms[room];
  assert.deepEqual(members(latest), [bob.userId]);
  assert.equal(latest.required_state[0].content.displayname, 'Rob');
});

onServers(
  'members come again when the answer that showed more of a room got lost [B138 partial]',
  async ({ person }) => {
    const [alice, bob] = [await person('alice'), await person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    await alice.say(room, 'one');
    await bob.say(room, 'two');
    const lazy = (limit: number) => allRooms(limit, [['m.room.member', '$LAZY']]);
    const sliding = new SlidingConnection(bob);
    assert.deepEqual(members((await sliding.next(lazy(1))).rooms[room]), [bob.userId]);
    assert.deepEqual(members((await sliding.ask(lazy(2))).rooms[room]), [alice.userId]);
    assert.deepEqual(members((await sliding.next(lazy(2))).rooms[room]), [alice.userId]);
    assert.deepEqual(members((await sliding.next(lazy(3))).rooms[room]), []);
  },
);
