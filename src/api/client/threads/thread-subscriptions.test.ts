import assert from 'node:assert/strict';
import { allRooms, SlidingConnection } from '../../../sync/sliding-sync/testing/sliding-connection.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { onTwoProcesses } from '../../../testing/server/two-processes.ts';
import type { Json, TestClient } from '../../../testing/client/test-client.ts';

const EXTENSION = 'io.element.msc4308.thread_subscriptions';
const LIST = '/unstable/io.element.msc4308/thread_subscriptions?dir=b';

function path(room: string, root: string): string {
  const thread = `${encodeURIComponent(room)}/thread/${encodeURIComponent(root)}`;
  return `/unstable/io.element.msc4306/rooms/${thread}/subscription`;
}

function reply(client: TestClient, room: string, root: string, text: string): Promise<string> {
  return client.say(room, text, { 'm.relates_to': { rel_type: 'm.thread', event_id: root } });
}

onServers('threads are subscribed to, by hand and automatically [B145 partial]', async ({ person }) => {
  const [alice, bob] = [await person('alice'), await person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  const root = await alice.say(room, 'root');
  const thread = path(room, root);
  await alice.fails(404, 'M_NOT_FOUND', 'GET', thread);
  const first = await reply(alice, room, root, 'first');
  await alice.ok('PUT', thread, { automatic: first });
  assert.deepEqual(await alice.ok('GET', thread), { automatic: true });
  await alice.ok('PUT', thread, {});
  assert.deepEqual(await alice.ok('GET', thread), { automatic: false });
  await alice.ok('PUT', thread, { automatic: first });
  assert.deepEqual(await alice.ok('GET', thread), { automatic: false });
  await alice.ok('DELETE', thread);
  await alice.ok('DELETE', thread);
  await alice.fails(404, 'M_NOT_FOUND', 'GET', thread);
  await alice.fails(409, 'IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION', 'PUT', thread, {
    automatic: first,
  });
  const later = await reply(alice, room, root, 'later');
  await alice.ok('PUT', thread, { automatic: later });
  const outside = await alice.say(room, 'not in the thread');
  await alice.fails(400, 'IO.ELEMENT.MSC4306.M_NOT_IN_THREAD', 'PUT', thread, { automatic: outside });
  await alice.fails(404, 'M_NOT_FOUND', 'PUT', path(room, '$nothing'), {});
  for (const method of ['GET', 'DELETE']) await bob.fails(404, 'M_NOT_FOUND', method, thread);
  await bob.fails(404, 'M_NOT_FOUND', 'PUT', thread, {});
  const versions = await alice.ok('GET', '/_matrix/client/versions');
  assert.equal(versions.unstable_features['org.matrix.msc4306'], true);
});

onServers(
  'sliding sync tells of subscriptions, and where there are more [B145 partial] [B138 partial]',
  async ({ person }) => {
    const alice = await person('alice');
    const room = await alice.createRoom();
    const roots: string[] = [];
    for (let i = 0; i < 5; i++) roots.push(await alice.say(room, `root ${i}`));
    const sliding = new SlidingConnection(alice);
    const wishes = { extensions: { [EXTENSION]: { enabled: true, limit: 2 } } };
    await alice.ok('PUT', path(room, roots[0]!), {});
    const first = (await sliding.next(wishes)).extensions[EXTENSION];
    assert.equal(first.subscribed[room][roots[0]!].automatic, false);
    assert.ok(first.subscribed[room][roots[0]!].bump_stamp > 0);
    assert.deepEqual([first.unsubscribed, first.prev_batch], [undefined, undefined]);
    const since = sliding.pos;
    const waiting = sliding.next(wishes, 30_000);
    await alice.ok('DELETE', path(room, roots[0]!));
    const ended = (await waiting).extensions[EXTENSION];
    assert.deepEqual([ended.subscribed, Object.keys(ended.unsubscribed[room])], [undefined, [roots[0]]]);
    assert.deepEqual((await sliding.next(wishes)).extensions, {});
    for (const root of roots.slice(1)) await alice.ok('PUT', path(room, root), {});
    const some = (await sliding.next(wishes)).extensions[EXTENSION];
    assert.deepEqual(new Set(Object.keys(some.subscribed[room])), new Set([roots[3], roots[4]]));
    const rest = await alice.ok('GET', `${LIST}&from=${some.prev_batch}&to=${since}`);
    assert.deepEqual(new Set(Object.keys(rest.subscribed[room])), new Set([roots[1], roots[2]]));
    assert.deepEqual(Object.keys(rest.unsubscribed[room]), [roots[0]]);
    assert.equal(rest.end, undefined);
    const page = await alice.ok('GET', `${LIST}&limit=3`);
    const last = await alice.ok('GET', `${LIST}&from=${page.end}`);
    assert.deepEqual(Object.keys(last.subscribed[room]), [roots[1]]);
    await alice.fails(400, 'M_INVALID_PARAM', 'GET', LIST.replace('dir=b', 'dir=f'));
    await alice.fails(400, 'M_INVALID_PARAM', 'GET', `${LIST}&from=here`);
  },
);

onServers('who follows threads is notified of those only [B145]', async ({ person }) => {
  const [alice, bob, carol] = [await person('alice'), await person('bob'), await person('carol')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  for (const one of [bob, carol]) await one.join(room);
  const [followed, other] = [await alice.say(room, 'followed'), await alice.say(room, 'other')];
  const unread = async (client: TestClient): Promise<Json> => {
    const { notification_count: notify, highlight_count: highlight } = (
      await new SlidingConnection(client, 'unread').next(allRooms(0))
    ).rooms[room];
    return [notify, highlight];
  };
  for (const one of [bob, carol]) await one.ok('POST', one.room(room, `/receipt/m.read/${other}`), {});
  await bob.ok('PUT', path(room, followed), {});
  await reply(alice, room, followed, 'to be heard');
  await reply(alice, room, other, 'not to be heard');
  assert.deepEqual(await unread(bob), [1, 0]);
  assert.deepEqual(await unread(carol), [2, 0]);
  const mention = {
    'm.relates_to': { rel_type: 'm.thread', event_id: other },
    'm.mentions': { user_ids: [bob.userId] },
  };
  await alice.say(room, 'a mention is heard', mention);
  assert.deepEqual(await unread(bob), [2, 1]);
  await alice.say(room, 'so is the room');
  assert.deepEqual(await unread(bob), [3, 1]);
  const { postcontent } = (await bob.ok('GET', '/v3/pushrules/')).global;
  const ids = (postcontent as Json[]).map((rule) => rule.rule_id);
  assert.deepEqual(ids, [
    '.io.element.msc4306.rule.unsubscribed_thread',
    '.io.element.msc4306.rule.subscribed_thread',
  ]);
  const rule = '/v3/pushrules/global/postcontent/.io.element.msc4306.rule.unsubscribed_thread';
  await bob.ok('PUT', `${rule}/enabled`, { enabled: false });
  await reply(alice, room, other, 'heard with the rule off');
  assert.deepEqual(await unread(bob), [4, 1]);
});

onTwoProcesses(
  'what is said at one process before a thread is left at another is no cause for it',
  async (p) => {
    const alice = await p.person('alice');
    const room = await alice.createRoom();
    const root = await p.there(alice).say(room, 'root');
    const thread = path(room, root);
    await alice.ok('PUT', thread, {});
    let cause = '';
    const left = await p.unheard(
      async () => (cause = await reply(alice, room, root, 'first')),
      () => p.there(alice).ask('DELETE', thread),
    );
    assert.equal(left.status, 200);
    const conflict = 'IO.ELEMENT.MSC4306.M_CONFLICTING_UNSUBSCRIPTION';
    await alice.fails(409, conflict, 'PUT', thread, { automatic: cause });
  },
);
