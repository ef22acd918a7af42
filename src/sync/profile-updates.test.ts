import assert from 'node:assert/strict';
import { allRooms, SlidingConnection } from './sliding-sync/testing/sliding-connection.ts';
import type { Json, TestClient } from '../testing/client/test-client.ts';
import { onServers } from '../testing/server/test-server.ts';

const USERS = 'org.matrix.msc4429.users';
const PROFILES = 'org.matrix.msc4262.profiles';
const STATUS = 'm.status';

const asking = (ids: readonly string[], room: object = {}) => ({
  filter: JSON.stringify({ 'org.matrix.msc4429.profile_fields': { ids }, room }),
});
const pathOf = (person: TestClient, field: string) => `/v3/profile/${person.userId}/${field}`;
const set = (person: TestClient, field: string, value: unknown) =>
  person.ok('PUT', pathOf(person, field), { [field]: value });
const clear = (person: TestClient, field: string) => person.ok('DELETE', pathOf(person, field));

onServers(
  'a sync tells of the fields that it asks for, of people in the same rooms (MSC4429)',
  async ({ person }) => {
    const [alice, bob, carol] = [await person('alice'), await person('bob'), await person('carol')];
    const features = (await alice.ok('GET', '/versions')).unstable_features;
    assert.equal(features['org.matrix.msc4429'], true);
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const swimming = { text: 'Swimming', emoji: '🏊' };
    await set(bob, STATUS, swimming);
    await set(bob, 'm.tz', 'Europe/Berlin');
    await set(carol, STATUS, { text: 'Alone' });
    const query = asking([STATUS]);
    const first = await alice.sync(query);
    assert.deepEqual(first[USERS], { [bob.userId]: { profile_updates: { [STATUS]: swimming } } });
    assert.equal((await alice.sync())[USERS], undefined, 'unasked, nothing is told');
    assert.equal((await alice.sync(asking([])))[USERS], undefined);
    const lazily = await alice.sync(asking([STATUS], { state: { lazy_load_members: true } }));
    assert.deepEqual(lazily[USERS], first[USERS]);

    const waiting = alice.sync({ ...query, since: first.next_batch, timeout: 60_000 });
    await set(bob, 'm.tz', 'Asia/Tokyo');
    await set(carol, STATUS, { text: 'Still alone' });
    await set(bob, STATUS, 'on land');
    const woken = await waiting;
    assert.deepEqual(woken[USERS], { [bob.userId]: { profile_updates: { [STATUS]: 'on land' } } });
    await clear(bob, STATUS);
    await set(alice, STATUS, null);
    const second = await alice.sync({ ...query, since: woken.next_batch });
    assert.deepEqual(second[USERS], {
      [bob.userId]: { profile_updates: { [STATUS]: null } },
      [alice.userId]: { profile_updates: { [STATUS]: null } },
    });
    await set(bob, STATUS, 'one');
    await set(bob, STATUS, 'two');
    const newest = await alice.sync({ ...asking([STATUS, 'm.tz']), since: second.next_batch });
    assert.deepEqual(newest[USERS], { [bob.userId]: { profile_updates: { [STATUS]: 'two' } } });

    await carol.join(room);
    const met = await alice.sync({ ...query, since: newest.next_batch });
    assert.deepEqual(met[USERS], {
      [carol.userId]: { profile_updates: { [STATUS]: { text: 'Still alone' } } },
    });
    const hers = await carol.sync({ ...query, since: newest.next_batch });
    assert.deepEqual(hers[USERS], {
      [alice.userId]: { profile_updates: { [STATUS]: null } },
      [bob.userId]: { profile_updates: { [STATUS]: 'two' } },
      [carol.userId]: { profile_updates: { [STATUS]: { text: 'Still alone' } } },
    });
    await bob.ok('POST', bob.room(room, '/leave'), {});
    await set(bob, STATUS, 'gone');
    const left = await alice.sync({ ...query, since: met.next_batch });
    assert.deepEqual(left[USERS], { [bob.userId]: { profile_updates: null } });
    await set(bob, STATUS, 'somewhere else');
    assert.equal((await alice.sync({ ...query, since: left.next_batch }))[USERS], undefined);
    const fields = Array.from({ length: 21 }, (_, index) => `m.field${index}`);
    const query21 = new URLSearchParams(asking(fields));
    await alice.fails(400, 'M_BAD_JSON', 'GET', `/v3/sync?${query21.toString()}`);
  },
);

onServers(
  'sliding sync tells of profiles in the same rooms, and again where the answer was lost (MSC4262)',
  async ({ person }) => {
    const [alice, bob, carol] = [await person('alice'), await person('bob'), await person('carol')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    await set(bob, STATUS, 'here');
    const sliding = new SlidingConnection(alice);
    const wishes = {
      ...allRooms(1),
      extensions: { [PROFILES]: { enabled: true, fields: [STATUS, 'm.tz'] } },
    };
    const users = (answer: Json): Json => answer.extensions[PROFILES]?.users;
    const first = await sliding.next(wishes);
    assert.deepEqual(users(first), { [bob.userId]: { updated: { [STATUS]: 'here' } } });
    assert.equal(users(await sliding.next(wishes)), undefined);

    const waiting = sliding.next(wishes, 60_000);
    await set(carol, STATUS, 'of no concern');
    await set(bob, 'm.tz', 'Asia/Tokyo');
    assert.deepEqual(users(await waiting), { [bob.userId]: { updated: { 'm.tz': 'Asia/Tokyo' } } });
    await clear(bob, STATUS);
    await set(bob, 'm.tz', 'Europe/Rome');
    await set(alice, STATUS, 'mine');
    const expected = {
      [alice.userId]: { updated: { [STATUS]: 'mine' } },
      [bob.userId]: { updated: { 'm.tz': 'Europe/Rome' }, removed: [STATUS] },
    };
    assert.deepEqual(users(await sliding.ask(wishes)), expected, 'this answer is lost');
    assert.deepEqual(users(await sliding.next(wishes)), expected);

    await carol.join(room);
    assert.deepEqual(users(await sliding.next(wishes)), {
      [carol.userId]: { updated: { [STATUS]: 'of no concern' } },
    });
    await bob.ok('POST', bob.room(room, '/leave'), {});
    assert.deepEqual(users(await sliding.next(wishes)), { [bob.userId]: null });
    const other = new SlidingConnection(carol, 'all fields');
    const all = await other.next({ extensions: { [PROFILES]: { enabled: true } } });
    assert.deepEqual(users(all), {
      [alice.userId]: { updated: { displayname: 'alice', [STATUS]: 'mine' } },
      [carol.userId]: { updated: { displayname: 'carol', [STATUS]: 'of no concern' } },
    });
    assert.deepEqual((await new SlidingConnection(bob).next({})).extensions, {});
  },
);
