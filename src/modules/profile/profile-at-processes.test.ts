import assert from 'node:assert/strict';
import type { Json, TestClient } from '../../testing/client/test-client.ts';
import { onTwoProcesses } from '../../testing/server/two-processes.ts';

const nameOf = async (client: TestClient, room: string): Promise<Json> =>
  (await client.ok('GET', client.room(room, `/state/m.room.member/${client.userId}`))).displayname;

/** Waits until something holds, or what is waited for is over without that. */
async function until(over: Promise<unknown>, holds: () => Promise<boolean>): Promise<void> {
  let isOver = false;
  void over.finally(() => (isOver = true));
  while (!isOver && !(await holds()));
}

const rooms = async (client: TestClient): Promise<number> =>
  (await client.ok('GET', '/v3/joined_rooms')).joined_rooms.length;

for (const way of ['joins', 'makes'] as const) {
  onTwoProcesses(
    `who changed their name at one process and ${way} a room at another at once has that name in it [B037]`,
    async (p) => {
      const [alice, bob] = [await p.person('alice'), await p.person('bob')];
      const made = await alice.createRoom({ preset: 'public_chat' });
      // The name of before is known there.
      await p.there(bob).createRoom();
      const before = await rooms(bob);
      const hear = p.deafen();
      await bob.ok('PUT', `/v3/profile/${bob.userId}/displayname`, { displayname: 'Robert' });
      const there = p.there(bob);
      const entered = way === 'joins' ? there.join(made).then(() => made) : there.createRoom();
      await until(entered, async () => (await rooms(bob)) > before);
      hear();
      assert.equal(await nameOf(there, await entered), 'Robert');
    },
  );
}

onTwoProcesses('a name that another process changed is changed back [B037]', async (p) => {
  const bob = await p.person('bob');
  const path = `/v3/profile/${bob.userId}/displayname`;
  await p.there(bob).ok('PUT', path, { displayname: 'Bob' });
  await p.there(bob).ok('GET', path);
  const hear = p.deafen();
  await bob.ok('PUT', path, { displayname: 'Robert' });
  const set = p.there(bob).ok('PUT', path, { displayname: 'Bob' });
  await until(set, async () => (await bob.ok('GET', path)).displayname === 'Bob');
  hear();
  await set;
  assert.equal((await bob.ok('GET', path)).displayname, 'Bob');
});

onTwoProcesses(
  'who joined at one process and sets a field at another at once has it told there',
  async (p) => {
    const [alice, bob] = [await p.person('alice'), await p.person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await p.there(bob).ok('GET', '/v3/joined_rooms');
    const filter = JSON.stringify({ 'org.matrix.msc4429.profile_fields': { ids: ['m.tz'] } });
    let since: string = (await alice.sync({ filter })).next_batch;
    const join = async () => {
      await bob.join(room);
      const isIn = (body: Json) => body.rooms?.join?.[room] !== undefined;
      since = (await alice.syncUntil(since, isIn, { filter })).next_batch;
    };
    const set = () => p.there(bob).ask('PUT', `/v3/profile/${bob.userId}/m.tz`, { 'm.tz': 'Europe/Paris' });
    assert.equal((await p.unheard(join, set)).status, 200);
    // Something to be told of in any case.
    await p.there(bob).say(room, 'set');
    const users = 'org.matrix.msc4429.users';
    const told = await alice.syncUntil(since, (body) => Boolean(body[users] ?? body.rooms), { filter });
    const updates = told[users]?.[bob.userId]?.profile_updates;
    assert.deepEqual(updates, { 'm.tz': 'Europe/Paris' });
  },
);
