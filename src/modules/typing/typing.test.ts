import assert from 'node:assert/strict';
import { onServers } from '../../testing/server/test-server.ts';
import { onTwoProcesses } from '../../testing/server/two-processes.ts';
import { TestClient, type Json } from '../../testing/client/test-client.ts';
import { ephemeral } from '../../testing/client/sync-body.ts';

onServers('typing is shown while it lasts [B082]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const { next_batch: since } = await alice.sync();
  const typing = (body: object) => bob.ok('PUT', bob.room(room, `/typing/${bob.userId}`), body);
  await typing({ typing: true, timeout: 60_000 });
  const first = await alice.sync({ since });
  assert.deepEqual(ephemeral(first, room, 'm.typing').content, { user_ids: [bob.userId] });
  await typing({ typing: true, timeout: 60_000 });
  assert.equal((await alice.sync({ since: first.next_batch })).rooms, undefined, 'who types on is no news');
  await typing({ typing: false });
  const second = await alice.sync({ since: first.next_batch });
  assert.deepEqual(ephemeral(second, room, 'm.typing').content, { user_ids: [] });
  await typing({ typing: true, timeout: 50 });
  const third = await alice.syncUntil(second.next_batch, (body) => {
    const users = ephemeral(body, room, 'm.typing')?.content?.user_ids;
    return users !== undefined && users.length === 0;
  });
  assert.ok(third);
  await alice.fails(403, 'M_FORBIDDEN', 'PUT', alice.room(room, `/typing/${bob.userId}`), { typing: true });
  const eve = await person('eve');
  await eve.fails(403, 'M_FORBIDDEN', 'PUT', eve.room(room, `/typing/${eve.userId}`), { typing: true });
});

onServers('who leaves or is removed types no longer [B082]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  const typing = (body: Json) => ephemeral(body, room, 'm.typing')?.content?.user_ids;
  for (const end of [
    () => bob.ok('POST', bob.room(room, '/leave'), {}),
    () => alice.ok('POST', alice.room(room, '/kick'), { user_id: bob.userId }),
  ]) {
    await bob.join(room);
    await bob.ok('PUT', bob.room(room, `/typing/${bob.userId}`), { typing: true, timeout: 60_000 });
    const before = await alice.sync();
    assert.deepEqual(typing(before), [bob.userId]);
    await end();
    const told = await alice.syncUntil(before.next_batch, (body) => typing(body) !== undefined);
    assert.deepEqual(typing(told), []);
    assert.equal(typing(await alice.sync()), undefined);
  }
});

onServers(
  'typing of which a process was told that is gone ends at the others, too [B082 partial]',
  async (s) => {
    const [alice, bob] = [await s.person('alice'), await s.person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const typing = (body: Json) => ephemeral(body, room, 'm.typing')?.content?.user_ids;
    const { next_batch: since } = await alice.sync();
    const gone = await s.another();
    const here = new TestClient(s.server.url, alice.token);
    const there = new TestClient(gone.url, bob.token);
    await there.ok('PUT', bob.room(room, `/typing/${bob.userId}`), { typing: true, timeout: 2_000 });
    const begun = await here.syncUntil(since, (body) => typing(body) !== undefined);
    assert.deepEqual(typing(begun), [bob.userId]);
    await gone.close();
    await here.syncUntil(begun.next_batch, (body) => typing(body)?.length === 0);
  },
  { engines: ['postgres'] },
);

onTwoProcesses('who begins to type at one process and stops at another at once has stopped', async (p) => {
  const alice = await p.person('alice');
  const room = await alice.createRoom();
  const path = alice.room(room, `/typing/${alice.userId}`);
  const type = () => alice.ok('PUT', path, { typing: true, timeout: 60_000 });
  const stop = () => p.there(alice).ask('PUT', path, { typing: false });
  assert.equal((await p.unheard(type, stop)).status, 200);
  await p.server.services.laterNews.about([], 0);
  assert.equal(ephemeral(await alice.sync(), room, 'm.typing'), undefined);
});

onTwoProcesses('who stops at one process and types again at another at once is seen to type', async (p) => {
  const alice = await p.person('alice');
  const room = await alice.createRoom();
  const path = alice.room(room, `/typing/${alice.userId}`);
  const { next_batch: start } = await alice.sync();
  let since: string = start;
  const typing = { typing: true, timeout: 60_000 };
  await p.there(alice).ok('PUT', path, typing);
  const users = (body: Json) => ephemeral(body, room, 'm.typing')?.content?.user_ids;
  const stop = async () => {
    await alice.ok('PUT', path, { typing: false });
    since = (await alice.syncUntil(since, (body) => users(body)?.length === 0)).next_batch;
  };
  assert.equal((await p.unheard(stop, () => p.there(alice).ask('PUT', path, typing))).status, 200);
  // Something to be told of in any case.
  await p.there(alice).say(room, 'typed');
  const seen = await alice.syncUntil(since, (body) => body.rooms?.join?.[room] !== undefined);
  assert.deepEqual(users(seen), [alice.userId]);
});
