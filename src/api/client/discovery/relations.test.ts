import assert from 'node:assert/strict';
import type { Json } from '../../../testing/client/test-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { ids, relates, edit, path, relations, bundle } from './testing/relations.ts';

onServers('children of an event are listed, by type, both ways and page by page [B031]', async (s) => {
  const alice = await s.person('alice');
  const room = await alice.createRoom({ preset: 'public_chat' });
  const root = await alice.say(room, 'root');
  const one = await alice.say(room, 'one', relates('m.thread', root));
  const dummy = await alice.send(room, 'm.dummy', relates('m.thread', root));
  const edited = await edit(alice, room, root, 'edited root');
  const reaction = await alice.send(room, 'm.reaction', relates('m.annotation', one, { key: 'x' }));

  const all = await alice.ok('GET', relations(room, root));
  assert.deepEqual(ids(all.chunk), [edited, dummy, one]);
  assert.equal('next_batch' in all || 'prev_batch' in all || 'recursion_depth' in all, false);
  assert.equal(all.chunk[0].room_id, room);
  assert.deepEqual(ids((await alice.ok('GET', relations(room, root, '/m.thread'))).chunk), [dummy, one]);
  const typed = await alice.ok('GET', relations(room, root, '/m.thread/m.room.message'));
  assert.deepEqual(ids(typed.chunk), [one]);

  const first = await alice.ok('GET', relations(room, root, '?limit=2'));
  assert.deepEqual(ids(first.chunk), [edited, dummy]);
  const second = await alice.ok('GET', relations(room, root, `?limit=2&from=${first.next_batch}`));
  assert.deepEqual(
    [ids(second.chunk), second.next_batch, second.prev_batch],
    [[one], undefined, first.next_batch],
  );
  const upTo = await alice.ok('GET', relations(room, root, `?to=${first.next_batch}`));
  assert.deepEqual(ids(upTo.chunk), [edited, dummy]);
  const forward = await alice.ok('GET', relations(room, root, '?dir=f&limit=2'));
  assert.deepEqual(ids(forward.chunk), [one, dummy]);
  const rest = await alice.ok('GET', relations(room, root, `?dir=f&limit=2&from=${forward.next_batch}`));
  assert.deepEqual(ids(rest.chunk), [edited]);

  const deep = await alice.ok('GET', relations(room, root, '?recurse=true'));
  assert.deepEqual([ids(deep.chunk), deep.recursion_depth], [[reaction, edited, dummy, one], 3]);
  const deepReactions = await alice.ok('GET', relations(room, root, '/m.annotation?recurse=true'));
  assert.deepEqual(ids(deepReactions.chunk), [reaction]);
  const pageOne = await alice.ok('GET', relations(room, root, '?recurse=true&limit=3&dir=f'));
  const pageTwo = await alice.ok(
    'GET',
    relations(room, root, `?recurse=true&limit=3&dir=f&from=${pageOne.next_batch}`),
  );
  assert.deepEqual([ids(pageOne.chunk), ids(pageTwo.chunk)], [[one, dummy, edited], [reaction]]);

  await alice.ok('PUT', alice.room(room, `/redact/${one}/r1`), {});
  const after = await alice.ok('GET', relations(room, root, '?recurse=true'));
  assert.deepEqual(ids(after.chunk), [edited, dummy]);
});

onServers('relations are for those who may see the parent, and only of one room [B031]', async (s) => {
  const alice = await s.person('alice');
  const mallory = await s.person('mallory');
  const room = await alice.createRoom({ preset: 'private_chat' });
  const other = await mallory.createRoom();
  const root = await alice.say(room, 'root');
  await mallory.say(other, 'from elsewhere', relates('m.thread', root));
  await mallory.send(other, 'm.room.message', {
    msgtype: 'm.text',
    body: 'x',
    ...relates('m.reference', root),
  });
  await mallory.fails(404, 'M_NOT_FOUND', 'GET', relations(room, root));
  await alice.fails(404, 'M_NOT_FOUND', 'GET', relations(other, root));
  await alice.fails(404, 'M_NOT_FOUND', 'GET', relations(room, '$unknown'));
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', relations(room, root, '?from=nonsense'));
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', relations(room, root, '?dir=sideways'));
  assert.deepEqual((await alice.ok('GET', relations(room, root))).chunk, []);
  assert.equal(await bundle(alice, room, root), undefined);
  assert.deepEqual((await alice.ok('GET', path(room, '/threads'))).chunk, []);
  const long = relates('m.thread', `$${'x'.repeat(5_000)}`);
  await alice.say(room, 'a relation too long to be one', long);
});

onServers('references are bundled as a list of events [B065]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const event = await alice.say(room, 'look');
  const one = await alice.say(room, 'one', relates('m.reference', event));
  const two = await bob.say(room, 'two', relates('m.reference', event));
  const chunk = (...of: string[]) => ({ 'm.reference': { chunk: of.map((id) => ({ event_id: id })) } });
  assert.deepEqual(await bundle(alice, room, event), chunk(one, two));
  const ignore = { ignored_users: { [bob.userId]: {} } };
  await alice.ok('PUT', `/v3/user/${alice.userId}/account_data/m.ignored_user_list`, ignore);
  assert.deepEqual(await bundle(alice, room, event), chunk(one));
  assert.deepEqual(await bundle(bob, room, event), chunk(one, two));
  assert.deepEqual(ids((await alice.ok('GET', relations(room, event))).chunk), [one]);
  await alice.ok('PUT', alice.room(room, `/redact/${one}/r1`), {});
  assert.equal(await bundle(alice, room, event), undefined);
});

onServers('reactions are made once, and not summed up [B046]', async (s) => {
  const alice = await s.person('alice');
  const room = await alice.createRoom();
  const event = await alice.say(room, 'hello');
  const like = { ...relates('m.annotation', event, { key: '👍' }) };
  const send = (txn: string, content: object, type = 'm.reaction') =>
    alice.ask('PUT', alice.room(room, `/send/${type}/${txn}`), content);
  const both = await Promise.all([send('a', like), send('b', like)]);
  assert.deepEqual(both.map((answer) => answer.status).sort(), [200, 400]);
  const [refused, made] = both[0].status === 400 ? both : [both[1], both[0]];
  assert.equal(refused.body.errcode, 'M_DUPLICATE_ANNOTATION');
  assert.equal((await send('c', relates('m.annotation', event, { key: '👎' }))).status, 200);
  assert.equal((await send('d', like, 'm.other')).status, 200);
  assert.equal(await bundle(alice, room, event), undefined);
  assert.equal((await alice.ok('GET', relations(room, event, '/m.annotation'))).chunk.length, 3);
  await alice.ok('PUT', alice.room(room, `/redact/${made.body.event_id}/r1`), {});
  assert.equal((await send('e', like)).status, 200);
});

onServers('what relates to events comes with them wherever they are given [B031]', async (s) => {
  const alice = await s.person('alice');
  const room = await alice.createRoom();
  const { next_batch: before } = await alice.sync();
  const original = await alice.say(room, 'original');
  const edited = await edit(alice, room, original, 'edited');
  const shown = (events: Json[]) =>
    events.find((event) => event.event_id === original).unsigned['m.relations']['m.replace'].event_id;
  const initial = await alice.sync();
  assert.equal(shown(initial.rooms.join[room].timeline.events), edited);
  const incremental = await alice.sync({ since: before });
  assert.equal(shown(incremental.rooms.join[room].timeline.events), edited);
  const messages = await alice.ok('GET', alice.room(room, '/messages?dir=b'));
  assert.equal(shown(messages.chunk), edited);
  const context = await alice.ok('GET', alice.room(room, `/context/${edited}`));
  assert.equal(shown(context.events_before), edited);
  const own = await alice.ok('GET', alice.room(room, `/context/${original}`));
  assert.equal(shown([own.event]), edited);
  const parent = await alice.say(room, 'parent');
  const child = await alice.say(room, 'child', relates('m.reference', parent));
  await alice.say(room, 'grandchild', relates('m.reference', child));
  const children = await alice.ok('GET', relations(room, parent));
  assert.equal(children.chunk[0].unsigned['m.relations']['m.reference'].chunk.length, 1);
});

onServers('one who left sees the aggregations of then [B031]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const original = await alice.say(room, 'original');
  const first = await edit(alice, room, original, 'first');
  const reply = await alice.say(room, 'reply', relates('m.thread', original));
  const seen = await alice.say(room, 'seen', relates('m.reference', original));
  await alice.setState(room, 'm.room.history_visibility', { history_visibility: 'joined' });
  await bob.ok('POST', bob.room(room, '/leave'), {});
  await edit(alice, room, original, 'second');
  await alice.say(room, 'reply two', relates('m.thread', original));
  await alice.say(room, 'unseen', relates('m.reference', original));
  const found = await bundle(bob, room, original);
  assert.equal(found['m.replace'].event_id, first);
  assert.equal(found['m.thread'].latest_event.event_id, reply);
  assert.deepEqual(found['m.reference'].chunk, [{ event_id: seen }]);
  assert.deepEqual(ids((await bob.ok('GET', relations(room, original))).chunk), [seen, reply, first]);
});

onServers('references made while one was away are not named [B065]', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  const visibility = { history_visibility: 'joined' };
  const room = await alice.createRoom({
    preset: 'public_chat',
    initial_state: [{ type: 'm.room.history_visibility', state_key: '', content: visibility }],
  });
  await bob.join(room);
  const root = await alice.say(room, 'root');
  const refer = (body: string) => alice.say(room, body, relates('m.reference', root));
  const before = await refer('before');
  await bob.ok('POST', bob.room(room, '/leave'), {});
  const away = await refer('away');
  await bob.join(room);
  const after = await refer('after');
  const chunk = (...of: string[]) => ({ 'm.reference': { chunk: of.map((id) => ({ event_id: id })) } });
  assert.deepEqual(await bundle(bob, room, root), chunk(before, after));
  assert.deepEqual(await bundle(alice, room, root), chunk(before, away, after));
});
