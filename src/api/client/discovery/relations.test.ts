import assert from 'node:assert/strict';
import { mock } from 'node:test';
import type { SqlValue, Statement } from '../../../storage/database.ts';
import { WatchedDatabase } from '../../../storage/watched-database.ts';
import type { Json, TestClient } from '../../../testing/client/test-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';

function ids(events: Json[]): string[] {
  return events.map((event) => event.event_id);
}

function relates(relType: string, eventId: string, more: object = {}): object {
  return { 'm.relates_to': { rel_type: relType, event_id: eventId, ...more } };
}

function edit(person: TestClient, room: string, eventId: string, text: string): Promise<string> {
  const content = { msgtype: 'm.text', body: text };
  return person.say(room, `* ${text}`, { 'm.new_content': content, ...relates('m.replace', eventId) });
}

function path(room: string, rest: string): string {
  return `/v1/rooms/${encodeURIComponent(room)}${rest}`;
}

function relations(room: string, eventId: string, rest = ''): string {
  return path(room, `/relations/${encodeURIComponent(eventId)}${rest}`);
}

async function bundle(person: TestClient, room: string, eventId: string): Promise<Json> {
  const event = await person.ok('GET', person.room(room, `/event/${encodeURIComponent(eventId)}`));
  return event.unsigned['m.relations'];
}

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

onServers('the newest valid edit is bundled [B048]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const original = await alice.say(room, 'original');
  await edit(bob, room, original, 'by somebody else');
  await alice.say(room, 'without new content', relates('m.replace', original));
  await alice.send(room, 'm.other', { 'm.new_content': {}, ...relates('m.replace', original) });
  assert.equal(await bundle(bob, room, original), undefined);

  const unread = async () => (await bob.sync()).rooms.join[room].unread_notifications.notification_count;
  const before = await unread();
  const first = await edit(alice, room, original, 'first');
  const second = await edit(alice, room, original, 'second');
  await edit(alice, room, second, 'an edit of an edit');
  assert.equal(await unread(), before);
  const found = await bundle(bob, room, original);
  assert.deepEqual(Object.keys(found), ['m.replace']);
  const { event_id: id, sender, type, room_id: roomId, content } = found['m.replace'];
  assert.deepEqual([id, sender, type, roomId], [second, alice.userId, 'm.room.message', room]);
  assert.equal(content['m.new_content'].body, 'second');
  assert.equal(await bundle(bob, room, second), undefined);
  const whole = await bob.ok('GET', bob.room(room, `/event/${original}`));
  assert.equal(whole.content.body, 'original');

  await alice.ok('PUT', alice.room(room, `/redact/${second}/r1`), {});
  assert.equal((await bundle(bob, room, original))['m.replace'].event_id, first);
  await s.restart();
  const carol = await s.person('carol');
  await carol.join(room);
  assert.equal((await bundle(carol, room, original))['m.replace'].event_id, first);
});

onServers('an edited event that is redacted shows no edit; encrypted and state events [B048]', async (s) => {
  const alice = await s.person('alice');
  const room = await alice.createRoom();
  const original = await alice.say(room, 'original');
  await edit(alice, room, original, 'edited');
  const reference = await alice.say(room, 'see', relates('m.reference', original));
  await alice.ok('PUT', alice.room(room, `/redact/${original}/r1`), {});
  assert.deepEqual(await bundle(alice, room, original), {
    'm.reference': { chunk: [{ event_id: reference }] },
  });

  const encrypted = { algorithm: 'm.megolm.v1.aes-sha2', ciphertext: 'x' };
  const secret = await alice.send(room, 'm.room.encrypted', encrypted);
  const secretEdit = await alice.send(room, 'm.room.encrypted', {
    ...encrypted,
    ...relates('m.replace', secret),
  });
  assert.equal((await bundle(alice, room, secret))['m.replace'].event_id, secretEdit);

  const topic = await alice.setState(room, 'm.room.topic', { topic: 'a' });
  await alice.send(room, 'm.room.topic', { topic: 'b', 'm.new_content': {}, ...relates('m.replace', topic) });
  assert.equal(await bundle(alice, room, topic), undefined);
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

onServers('threads are summed up for each reader [B081]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const carol = await s.person('carol');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  await carol.join(room);
  const root = await alice.say(room, 'root');
  const one = await bob.say(room, 'one', relates('m.thread', root));
  const two = await bob.say(room, 'two', relates('m.thread', root));
  const twoEdited = await edit(bob, room, two, 'two, better');
  for (const [person, participated] of [
    [alice, true],
    [bob, true],
    [carol, false],
  ] as const) {
    const thread = (await bundle(person, room, root))['m.thread'];
    assert.deepEqual([thread.count, thread.current_user_participated], [2, participated]);
    assert.deepEqual([thread.latest_event.event_id, thread.latest_event.room_id], [two, room]);
    const nested = thread.latest_event.unsigned['m.relations'];
    assert.equal(nested['m.replace'].event_id, twoEdited);
  }
  const nested = await alice.ask('PUT', alice.room(room, '/send/m.room.message/n1'), {
    msgtype: 'm.text',
    body: 'nested',
    ...relates('m.thread', one),
  });
  assert.deepEqual([nested.status, nested.body.errcode], [400, 'M_UNKNOWN']);

  const three = await carol.say(room, 'three', relates('m.thread', root));
  const ignore = { ignored_users: { [carol.userId]: {} } };
  await alice.ok('PUT', `/v3/user/${alice.userId}/account_data/m.ignored_user_list`, ignore);
  const withoutCarol = (await bundle(alice, room, root))['m.thread'];
  assert.deepEqual([withoutCarol.count, withoutCarol.latest_event.event_id], [2, two]);
  const withCarol = (await bundle(bob, room, root))['m.thread'];
  assert.deepEqual([withCarol.count, withCarol.latest_event.event_id], [3, three]);
  await carol.ok('PUT', carol.room(room, `/redact/${three}/r1`), {});
  await bob.ok('PUT', bob.room(room, `/redact/${two}/r2`), {});
  const left = (await bundle(bob, room, root))['m.thread'];
  assert.deepEqual([left.count, left.latest_event.event_id], [1, one]);
  assert.equal((await bundle(carol, room, root))['m.thread'].current_user_participated, false);
});

onServers('the threads of a room are listed, those spoken in last first [B081]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const rootA = await alice.say(room, 'A');
  const rootB = await bob.say(room, 'B');
  const rootC = await alice.say(room, 'C');
  for (const root of [rootA, rootB, rootC]) await bob.say(room, 'reply', relates('m.thread', root));
  const list = (query = '') => path(room, `/threads${query}`);
  assert.deepEqual(ids((await alice.ok('GET', list())).chunk), [rootC, rootB, rootA]);
  const newest = await bob.say(room, 'again', relates('m.thread', rootA));
  const again = await alice.ok('GET', list());
  assert.deepEqual(ids(again.chunk), [rootA, rootC, rootB]);
  assert.equal(again.chunk[0].unsigned['m.relations']['m.thread'].latest_event.event_id, newest);
  assert.equal('next_batch' in again, false);

  const first = await alice.ok('GET', list('?limit=2'));
  assert.deepEqual(ids(first.chunk), [rootA, rootC]);
  const second = await alice.ok('GET', list(`?limit=2&from=${first.next_batch}`));
  assert.deepEqual([ids(second.chunk), second.next_batch], [[rootB], undefined]);
  assert.deepEqual(ids((await alice.ok('GET', list('?include=participated'))).chunk), [rootA, rootC]);
  await alice.say(room, 'me, too', relates('m.thread', rootB));
  const mine = await alice.ok('GET', list('?include=participated'));
  assert.deepEqual(ids(mine.chunk), [rootB, rootA, rootC]);

  const ignore = { ignored_users: { [bob.userId]: {} } };
  await alice.ok('PUT', `/v3/user/${alice.userId}/account_data/m.ignored_user_list`, ignore);
  const hidden = (await alice.ok('GET', list())).chunk.find((event: Json) => event.event_id === rootB);
  assert.deepEqual(hidden.content, {});
  const mallory = await s.person('mallory');
  await mallory.fails(403, 'M_FORBIDDEN', 'GET', list());
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', list('?include=some'));
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', list('?from=x'));
  await alice.fails(400, 'M_INVALID_PARAM', 'GET', list('?limit=0'));
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

onServers('filters ask for events by how they relate to others (MSC3874)', async (s) => {
  const alice = await s.person('alice');
  const room = await alice.createRoom();
  const { next_batch: before } = await alice.sync();
  const plain = await alice.say(room, 'plain');
  const threaded = await alice.say(room, 'threaded', relates('m.thread', plain));
  const referring = await alice.say(room, 'referring', relates('m.reference', plain));
  const find = async (filter: object) => {
    const text = encodeURIComponent(JSON.stringify(filter));
    return ids(
      (await alice.ok('GET', alice.room(room, `/messages?dir=f&from=${before}&filter=${text}`))).chunk,
    );
  };
  const [only, not] = ['org.matrix.msc3874.rel_types', 'org.matrix.msc3874.not_rel_types'];
  assert.deepEqual(await find({ [only]: ['m.thread'] }), [threaded]);
  assert.deepEqual(await find({ [only]: ['m.thread', 'm.reference'] }), [threaded, referring]);
  assert.deepEqual(await find({ [not]: ['m.thread'] }), [plain, referring]);
  assert.deepEqual(await find({ [not]: ['m.thread', 'm.reference'] }), [plain]);
  assert.deepEqual(await find({ [only]: ['m.thread', 'm.reference'], [not]: ['m.thread'] }), [referring]);
  const filter = JSON.stringify({ room: { timeline: { [not]: ['m.thread'] } } });
  const synced = await alice.sync({ since: before, filter });
  assert.deepEqual(ids(synced.rooms.join[room].timeline.events), [plain, referring]);
});

onServers('filters ask for events by what relates to them [B031]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const { next_batch: before } = await alice.sync();
  const threaded = await alice.say(room, 'threaded');
  const liked = await alice.say(room, 'liked');
  await alice.say(room, 'plain');
  await bob.say(room, 'reply', relates('m.thread', threaded));
  await alice.send(room, 'm.reaction', relates('m.annotation', liked, { key: 'x' }));
  const find = async (filter: object) => {
    const text = encodeURIComponent(JSON.stringify(filter));
    return ids((await alice.ok('GET', alice.room(room, `/messages?dir=b&filter=${text}`))).chunk);
  };
  assert.deepEqual(await find({ related_by_rel_types: ['m.thread'] }), [threaded]);
  assert.deepEqual(await find({ related_by_rel_types: ['m.thread', 'm.annotation'] }), [liked, threaded]);
  assert.deepEqual(await find({ related_by_senders: [bob.userId] }), [threaded]);
  assert.deepEqual(
    await find({ related_by_senders: [alice.userId], related_by_rel_types: ['m.thread'] }),
    [],
  );
  assert.deepEqual(await find({ related_by_senders: [] }), []);
  const filter = { room: { timeline: { related_by_senders: [alice.userId] } } };
  const synced = await alice.sync({ since: before, filter: JSON.stringify(filter) });
  assert.deepEqual(ids(synced.rooms.join[room].timeline.events), [liked]);
  const many = Array.from({ length: 51 }, () => 'm.thread');
  const text = encodeURIComponent(JSON.stringify({ related_by_rel_types: many }));
  await alice.fails(400, 'M_BAD_JSON', 'GET', alice.room(room, `/messages?dir=b&filter=${text}`));
});

onServers('threads are listed by the newest event that their reader does not ignore [B081]', async (s) => {
  const [alice, bob] = [await s.person('alice'), await s.person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const roots: string[] = [];
  for (const name of ['first', 'second', 'third', 'fourth']) roots.push(await alice.say(room, name));
  const [first = '', second = '', third = '', fourth = ''] = roots;
  const inFirst = await alice.say(room, 'one', relates('m.thread', first));
  const inSecond = await alice.say(room, 'two', relates('m.thread', second));
  const inThird = await alice.say(room, 'three', relates('m.thread', third));
  for (const root of [fourth, second, first]) await bob.say(room, 'noise', relates('m.thread', root));
  assert.deepEqual(ids((await alice.ok('GET', path(room, '/threads'))).chunk), [
    first,
    second,
    fourth,
    third,
  ]);
  const ignore = { ignored_users: { [bob.userId]: {} } };
  await alice.ok('PUT', `/v3/user/${alice.userId}/account_data/m.ignored_user_list`, ignore);
  const expected = [third, second, first, fourth];
  const { chunk } = await alice.ok('GET', path(room, '/threads'));
  assert.deepEqual(ids(chunk), expected);
  assert.deepEqual(
    (chunk as Json[]).map((root) => root.unsigned?.['m.relations']?.['m.thread']?.latest_event.event_id),
    [inThird, inSecond, inFirst, undefined],
  );
  const paged: string[] = [];
  let from = '';
  do {
    const page: Json = await alice.ok('GET', path(room, `/threads?limit=1&from=${from}`));
    paged.push(...ids(page.chunk));
    from = page.next_batch ?? '';
  } while (from !== '');
  assert.deepEqual(paged, expected);
  assert.deepEqual(ids((await bob.ok('GET', path(room, '/threads'))).chunk), [first, second, fourth, third]);
});

onServers(
  'many threads in which an ignored user spoke last are put in order by few statements',
  async (s) => {
    const [alice, bob] = [await s.person('alice'), await s.person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const expected: string[] = [];
    for (let i = 0; i < 25; i++) {
      const root = await alice.say(room, `thread ${i}`);
      expected.unshift(root);
      if (i % 2 === 0) await alice.say(room, 'word', relates('m.thread', root));
      await bob.say(room, 'noise', relates('m.thread', root));
    }
    const [talkative = ''] = expected;
    for (let i = 0; i < 30; i++) await bob.say(room, 'more noise', relates('m.thread', talkative));
    const ignore = { ignored_users: { [bob.userId]: {} } };
    await alice.ok('PUT', `/v3/user/${alice.userId}/account_data/m.ignored_user_list`, ignore);
    const { all } = WatchedDatabase.prototype;
    let statements = 0;
    const counted = mock.method(WatchedDatabase.prototype, 'all', function <
      Row,
    >(this: WatchedDatabase, statement: Statement, ...parameters: SqlValue[]) {
      if (statement.text.includes("rel_type = 'm.thread'")) statements += 1;
      return all.call(this, statement, ...parameters) as Promise<Row[]>;
    });
    const page = await alice.ok('GET', path(room, '/threads?limit=1'));
    counted.mock.restore();
    assert.deepEqual(ids(page.chunk), [talkative]);
    assert.ok(statements < 5, `${statements} statements`);
    assert.deepEqual(ids((await alice.ok('GET', path(room, '/threads?limit=30'))).chunk), expected);
  },
);
