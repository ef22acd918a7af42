import assert from 'node:assert/strict';
import { TestClient, type Json } from '../../testing/client/test-client.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';
import { onServers } from '../../testing/server/test-server.ts';
import { onTwoProcesses } from '../../testing/server/two-processes.ts';
import { find, texts } from './testing/searching.ts';

onServers('Searching finds messages, names and topics by all of their words [B070]', async (s) => {
  const alice = await s.person('alice');
  const room = await alice.createRoom({ name: 'Ideas for the garden', topic: 'All about the garden' });
  await alice.say(room, 'The garden needs water');
  await alice.say(room, 'Water is for fish');
  await alice.say(room, 'CAFÉ in the Gärten');
  const recent = { order_by: 'recent' };
  const garden = await find(alice, 'garden', recent);
  assert.deepEqual(texts(garden), ['The garden needs water', 'All about the garden', 'Ideas for the garden']);
  assert.equal(garden.count, 3);
  assert.deepEqual(garden.highlights, ['garden']);
  assert.equal(garden.next_batch, undefined);
  const [first] = garden.results;
  assert.equal(first.result.room_id, room);
  assert.equal(first.result.sender, alice.userId);
  assert.ok(first.rank > 0);
  assert.deepEqual(texts(await find(alice, 'water GARDEN')), ['The garden needs water']);
  assert.deepEqual(texts(await find(alice, 'cafe garten')), ['CAFÉ in the Gärten']);
  assert.deepEqual(texts(await find(alice, 'gard')), [], 'a part of a word is none');
  assert.deepEqual(texts(await find(alice, '…')), []);
  const only = (keys: string[]) => find(alice, 'garden', { ...recent, keys });
  assert.deepEqual(texts(await only(['content.name'])), ['Ideas for the garden']);
  assert.deepEqual(texts(await only(['content.topic'])), ['All about the garden']);
  assert.deepEqual(texts(await only(['content.body'])), ['The garden needs water']);
  assert.deepEqual(await alice.ok('POST', '/v3/search', { search_categories: {} }), {
    search_categories: {},
  });
  const wrong = [
    { keys: ['content.url'] },
    { order_by: 'size' },
    { filter: { limit: 'x' } },
    { search_term: 1 },
  ];
  for (const more of wrong) {
    const category = { search_term: 'x', ...more };
    const answer = await alice.ask('POST', '/v3/search', { search_categories: { room_events: category } });
    assert.equal(answer.status, 400, JSON.stringify(more));
  }
  const body = { search_categories: { room_events: { search_term: 'x' } } };
  await alice.fails(400, 'M_INVALID_PARAM', 'POST', '/v3/search?next_batch=nonsense', body);
});

onServers('Searching knows languages that are written without spaces [B070]', async (s) => {
  const alice = await s.person('alice');
  const room = await alice.createRoom();
  const said = [
    '我们明天去北京大学看电影',
    '東京タワーは赤いです',
    'พรุ่งนี้ไปกินข้าวที่เชียงใหม่',
    '내일 학교에서 만나요',
    'Привет, мир',
    'version2的发布',
  ];
  for (const text of said) await alice.say(room, text);
  const expected: Record<string, string | undefined> = {
    北京大学: said[0],
    电影: said[0],
    看: said[0],
    タワー: said[1],
    赤い: said[1],
    กินข้าว: said[2],
    เชียงใหม่: said[2],
    학교: said[3],
    привет: said[4],
    version2: said[5],
    发布: said[5],
    京北: undefined,
    大北: undefined,
  };
  for (const [term, text] of Object.entries(expected)) {
    assert.deepEqual(texts(await find(alice, term)), text === undefined ? [] : [text], term);
  }
});

onServers('Results come by rank or by time, page by page and group by group [B070]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const rooms = [await alice.createRoom({ invite: [bob.userId] }), await alice.createRoom()];
  const [both = '', own = ''] = rooms;
  await bob.join(both);
  for (let i = 0; i < 5; i++) {
    await alice.say(both, `apple ${'and more words '.repeat(i)}`);
    await bob.say(both, `apple of bob ${i}`);
    await alice.say(own, `apple of mine ${i}`);
  }
  await alice.say(both, 'apple apple apple');
  const ids = (found: Json): string[] => found.results.map(({ result }: Json) => result.event_id);
  const pages = async (more: object, from?: string) => {
    const all: string[] = [];
    let token = from;
    do {
      const page: Json = await find(alice, 'apple', more, token);
      assert.ok(page.results.length <= 4);
      all.push(...ids(page));
      token = page.next_batch;
    } while (token !== undefined);
    return all;
  };
  for (const order of ['recent', 'rank']) {
    const filter = { limit: 4 };
    const whole = await find(alice, 'apple', { order_by: order, filter: { limit: 50 } });
    assert.equal(whole.results.length, 16);
    assert.equal(whole.count, 16);
    assert.deepEqual(await pages({ order_by: order, filter }), ids(whole), order);
    const groupings = { group_by: [{ key: 'room_id' }, { key: 'sender' }] };
    const page = await find(alice, 'apple', { order_by: order, filter, groupings });
    const grouped = Object.values(page.groups.room_id).flatMap((group: Json) => group.results);
    assert.deepEqual(grouped.sort(), ids(page).sort());
    assert.equal(typeof page.groups.room_id[both].order, 'number');
    for (const [key, value] of [
      ['room_id', both],
      ['sender', bob.userId],
    ] as const) {
      const group = page.groups[key][value];
      const isOf = ({ result }: Json) => result[key] === value;
      const wanted: string[] = whole.results.filter(isOf).map(({ result }: Json) => result.event_id);
      if (group === undefined) continue;
      const rest = await pages({ order_by: order, filter, groupings }, group.next_batch);
      assert.deepEqual([...group.results, ...rest], wanted, `${order} ${key}`);
    }
  }
  const [best] = (await find(alice, 'apple')).results;
  assert.equal(best.result.content.body, 'apple apple apple');
  const ranks = (await find(alice, 'apple', { filter: { limit: 50 } })).results.map(({ rank }: Json) => rank);
  assert.deepEqual(
    ranks,
    ranks.toSorted((a: number, b: number) => b - a),
  );
  const first = await find(alice, 'apple', { order_by: 'recent', filter: { limit: 4 } });
  await alice.say(both, 'apple in between');
  const second = await find(alice, 'apple', { order_by: 'recent', filter: { limit: 4 } }, first.next_batch);
  assert.equal(new Set([...ids(first), ...ids(second)]).size, 8, 'what is sent in between shifts no page');
});

onServers(
  'Results come with what is around them, profiles, and the state of their rooms [B070]',
  async (s) => {
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const room = await alice.createRoom({ invite: [bob.userId] });
    await bob.join(room);
    for (const text of ['one', 'two', 'needle', 'four']) await alice.say(room, text);
    await bob.say(room, 'five');
    await bob.ok('PUT', `/v3/profile/${bob.userId}/displayname`, { displayname: 'Bobby' });
    const context = { before_limit: 2, after_limit: 5, include_profile: true };
    const found = await find(alice, 'needle', { event_context: context, include_state: true });
    const [result] = found.results;
    const around = (name: string) => result.context[name].map((event: Json) => event.content.body);
    assert.deepEqual(around('events_before'), ['two', 'one']);
    assert.deepEqual(around('events_after').slice(0, 2), ['four', 'five']);
    assert.deepEqual(result.context.profile_info, {
      [alice.userId]: { displayname: 'alice' },
      [bob.userId]: { displayname: 'bob' },
    });
    assert.ok(result.context.events_before.every((event: Json) => event.room_id === room));
    const from = `/messages?dir=b&limit=1&from=${result.context.start}`;
    const older = await alice.ok('GET', alice.room(room, from));
    assert.equal(older.chunk[0].type, 'm.room.member');
    const types = found.state[room].map((event: Json) => event.type);
    assert.ok(types.includes('m.room.create') && types.includes('m.room.power_levels'));
    assert.deepEqual(Object.keys(found.state), [room]);
    const plain = await find(alice, 'needle');
    assert.deepEqual(Object.keys(plain.results[0]).sort(), ['rank', 'result']);
    assert.equal(plain.state, undefined);
  },
);

onServers('A search filters rooms, senders and types, and follows upgrades of rooms [B070]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const old = await alice.createRoom({ name: 'word', preset: 'public_chat' });
  await bob.join(old);
  await alice.say(old, 'word of alice');
  await bob.say(old, 'word of bob');
  const other = await alice.createRoom();
  await alice.say(other, 'word elsewhere');
  const recent = async (filter: object) => texts(await find(alice, 'word', { order_by: 'recent', filter }));
  assert.deepEqual(await recent({ rooms: [other] }), ['word elsewhere']);
  assert.deepEqual(await recent({ not_rooms: [other] }), ['word of bob', 'word of alice', 'word']);
  assert.deepEqual(await recent({ senders: [bob.userId] }), ['word of bob']);
  assert.deepEqual(await recent({ types: ['m.room.name'] }), ['word']);
  assert.deepEqual(await recent({ limit: 1 }), ['word elsewhere']);
  const upgraded = await alice.ok('POST', alice.room(old, '/upgrade'), { new_version: '11' });
  const renewed = upgraded.replacement_room;
  assert.deepEqual(await recent({ rooms: [renewed], types: ['m.room.message'] }), [
    'word of bob',
    'word of alice',
  ]);
});

onServers('A search shows nobody what they may not see [B070]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const carol = await s.person('carol');
  const room = await alice.createRoom({
    preset: 'public_chat',
    initial_state: [
      { type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } },
    ],
  });
  await alice.say(room, 'secret before');
  await bob.join(room);
  await alice.say(room, 'secret with bob');
  await bob.ok('POST', bob.room(room, '/leave'), {});
  await alice.say(room, 'secret after');
  await alice.send(room, 'm.room.encrypted', { body: 'secret sealed', ciphertext: 'secret' });
  const recent = async (who: TestClient) => texts(await find(who, 'secret', { order_by: 'recent' }));
  assert.deepEqual(await recent(alice), ['secret after', 'secret with bob', 'secret before']);
  assert.deepEqual(await recent(bob), ['secret with bob'], 'up to the leave');
  assert.deepEqual(await recent(carol), []);
  const path = `/v3/user/${alice.userId}/account_data/m.ignored_user_list`;
  await bob.ok('PUT', path.replace(alice.userId, bob.userId), { ignored_users: { [alice.userId]: {} } });
  assert.deepEqual(await recent(bob), [], 'of whom one ignores');
  const open = await alice.createRoom({ preset: 'public_chat', topic: 'a secret no more' });
  await bob.join(open);
  assert.deepEqual(await recent(bob), ['a secret no more'], 'the state of rooms is of nobody');
  await bob.ok('POST', bob.room(open, '/leave'), {});
  for (const left of [room, open]) await bob.ok('POST', bob.room(left, '/forget'), {});
  assert.deepEqual(await recent(bob), []);
});

onServers(
  'The index is made by whichever process comes first, and goes on after a restart [B070]',
  async (s) => {
    const alice = await s.person('alice');
    const room = await alice.createRoom();
    for (let i = 0; i < 120; i++) await alice.say(room, `number ${i} of many`);
    await s.restart();
    const again = new TestClient(s.server.url, alice.token);
    const other = new TestClient((await s.another()).url, alice.token);
    const options = { order_by: 'recent', filter: { limit: 100 } };
    const [one, two] = await Promise.all([find(again, 'many', options), find(other, 'many', options)]);
    assert.equal(one.results.length, 100);
    assert.deepEqual(texts(one), texts(two));
    assert.equal((await find(again, 'many', options, one.next_batch)).results.length, 20);
  },
);

onFederation(
  'a message is not counted any more that a redaction took away which names another event, too',
  async (federation) => {
    const { alice, room } = await roomWithGuest(federation, { room_version: '11' });
    const [meant, other] = [room.say('one garden'), room.say('two gardens')];
    await room.send(meant, other, room.say('three garden'), room.say('four garden'));
    const first = { order_by: 'recent', filter: { limit: 1 } };
    assert.equal((await find(alice, 'garden', first)).count, 3);
    const [redacts, above] = [meant.eventId, other.eventId];
    await room.send(room.next({ type: 'm.room.redaction', content: { redacts }, more: { redacts: above } }));
    assert.equal((await find(alice, 'garden', first)).count, 2);
  },
  { servers: 1 },
);

onTwoProcesses('what somebody said at one process they find at another at once', async (p) => {
  const alice = await p.person('alice');
  const room = await alice.createRoom();
  await p.there(alice).say(room, 'the room is in use there');
  const roomEvents = { search_term: 'walrus' };
  const answer = await p.unheard(
    () => alice.say(room, 'I am the walrus'),
    () => p.there(alice).ask('POST', '/v3/search', { search_categories: { room_events: roomEvents } }),
  );
  assert.deepEqual(texts(answer.body.search_categories.room_events), ['I am the walrus']);
});
