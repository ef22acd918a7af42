import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Json } from '../../../testing/client/test-client.ts';
import { onServers, type TestServer } from '../../../testing/server/test-server.ts';
import { V1Client } from '../../../testing/client/v1-client.ts';

const said = (chunk: Json[]): string[] => chunk.flatMap(({ content }) => content.body ?? []);
const ids = (chunk: Json[]): string[] => chunk.map((event) => event.event_id);

async function v1Person(server: TestServer, name: string): Promise<V1Client> {
  return V1Client.of(await server.person(name));
}

/** Alice's room with messages m0, m1 …, and the room's ID. */
async function talk(alice: V1Client, count: number): Promise<string> {
  const room = await alice.createRoom({ preset: 'public_chat' });
  for (let i = 0; i < count; i++) await alice.say(room, `m${i}`);
  return room;
}

describe('2015: events', () => {
  onServers(
    'pages have start and end, and leave nothing out and give nothing twice [A029] [A030]',
    async (server) => {
      const alice = await v1Person(server, 'alice');
      const room = await talk(alice, 25);
      const newest = await alice.messages(room, { from: 'END', dir: 'b', limit: 5 });
      assert.deepEqual(said(newest.chunk), ['m24', 'm23', 'm22', 'm21', 'm20']);
      const again = await alice.messages(room, { from: newest.start, dir: 'b' });
      assert.equal(again.start, newest.start);
      assert.equal(again.chunk.length, 10, 'ten, unless a client asks for another number');
      const backwards: Json[] = [];
      let from = 'END';
      for (let pages = 0; pages < 20; pages++) {
        const page = await alice.messages(room, { from, to: 'START', dir: 'b', limit: 7 });
        if (from !== 'END') assert.equal(page.start, from);
        backwards.push(...page.chunk);
        if (page.chunk.length === 0) break;
        from = page.end;
      }
      assert.equal((await alice.messages(room, { from, dir: 'b' })).chunk.length, 0, 'the end stays the end');
      assert.equal(backwards.at(-1).type, 'm.room.create');
      assert.equal(new Set(ids(backwards)).size, backwards.length);
      assert.deepEqual(
        said(backwards),
        Array.from({ length: 25 }, (_, i) => `m${24 - i}`),
      );
      const forwards: Json[] = [];
      from = 'START';
      for (let pages = 0; pages < 20; pages++) {
        const page = await alice.messages(room, { from, dir: 'f', limit: 7 });
        forwards.push(...page.chunk);
        if (page.chunk.length === 0) break;
        from = page.end;
      }
      assert.deepEqual(ids(forwards), ids(backwards).reverse());
      assert.deepEqual(
        ids((await alice.messages(room, { limit: 100 })).chunk),
        ids(forwards),
        'from START to END',
      );
      const [first, second] = [
        await alice.messages(room, { limit: 4 }),
        await alice.messages(room, { limit: 6 }),
      ];
      const between = await alice.messages(room, { from: first.end, to: second.end, limit: 50 });
      assert.deepEqual(ids(between.chunk), ids(second.chunk).slice(4), 'tokens are exclusive');
      const bob = await v1Person(server, 'bob');
      await bob.fails(403, 'M_FORBIDDEN', 'GET', bob.room(room, '/messages?from=END&dir=b'));
    },
  );

  onServers('nothing comes after the end, and a page of no messages has none', async (server) => {
    const alice = await v1Person(server, 'alice');
    const room = await talk(alice, 3);
    const chunkOf = async (query: Record<string, string | number>) =>
      said((await alice.messages(room, query)).chunk);
    assert.deepEqual(await chunkOf({ from: 'END', dir: 'f' }), []);
    assert.deepEqual(await chunkOf({ from: 'END', to: 'END', dir: 'b' }), []);
    assert.deepEqual(await chunkOf({ from: 'START', to: 'END', dir: 'f' }), ['m0', 'm1', 'm2']);
    for (const [from, dir, shown] of [
      ['END', 'b', ['m2', 'm1', 'm0']],
      ['START', 'f', ['m0', 'm1', 'm2']],
    ] as const) {
      const none = await alice.messages(room, { from, dir, limit: 0 });
      assert.deepEqual(none.chunk, []);
      assert.deepEqual(await chunkOf({ from: none.end, dir }), shown, 'which moves nobody');
    }
    const { end } = await alice.messages(room, { from: 'END', dir: 'f' });
    await alice.say(room, 'm3');
    assert.deepEqual(await chunkOf({ from: end, dir: 'f' }), ['m3']);
  });

  onServers('bad pages have a code of their own [A002 partial]', async (server) => {
    const alice = await v1Person(server, 'alice');
    const room = await alice.createRoom();
    for (const query of ['from=nonsense', 'from=END&to=nonsense', 'from=END&dir=x', 'from=END&limit=many']) {
      await alice.fails(400, 'M_BAD_PAGINATION', 'GET', alice.room(room, `/messages?${query}`));
    }
    await alice.fails(400, 'M_BAD_PAGINATION', 'GET', '/events?from=nonsense');
    await alice.fails(400, 'M_BAD_PAGINATION', 'GET', '/events?timeout=soon');
    await alice.fails(400, 'M_BAD_PAGINATION', 'GET', '/initialSync?limit=few');
    const today = await server.person('bob');
    await today.fails(400, 'M_INVALID_PARAM', 'GET', '/v3/events?from=nonsense');
  });

  onServers(
    'an initial sync shows every room as its member finds it [A031] [A034 partial]',
    async (server) => {
      const [alice, bob] = [await v1Person(server, 'alice'), await v1Person(server, 'bob')];
      const room = await alice.createRoom({ preset: 'public_chat', visibility: 'public', name: 'one' });
      await bob.join(room);
      const sent: string[] = [];
      for (let i = 0; i < 4; i++) sent.push(await alice.say(room, `m${i}`));
      await alice.ok('PUT', `/presence/${alice.userId}/status`, { presence: 'online', status_msg: 'here' });
      const last = encodeURIComponent(sent[3] ?? '');
      await alice.ok(
        'POST',
        `/_matrix/client/r0/rooms/${encodeURIComponent(room)}/receipt/m.read/${last}`,
        {},
      );
      const invited = await alice.createRoom({ invite: [bob.userId], name: 'two', topic: 'secret talk' });
      const body = await bob.ok('GET', '/initialSync?limit=2');
      const byId = Object.fromEntries(body.rooms.map((one: Json) => [one.room_id, one]));
      assert.deepEqual(Object.keys(byId).sort(), [room, invited].sort());
      const joined = byId[room];
      assert.deepEqual([joined.membership, joined.visibility], ['join', 'public']);
      assert.deepEqual(said(joined.messages.chunk), ['m2', 'm3']);
      assert.deepEqual(ids(joined.messages.chunk), sent.slice(2));
      const name = joined.state.find((event: Json) => event.type === 'm.room.name');
      assert.deepEqual([name.content.name, name.user_id, name.room_id], ['one', alice.userId, room]);
      const older = await bob.messages(room, { from: joined.messages.start, dir: 'b', limit: 2 });
      assert.deepEqual(said(older.chunk), ['m1', 'm0']);
      const { invite, membership, visibility } = byId[invited];
      assert.deepEqual([membership, visibility], ['invite', 'private']);
      assert.deepEqual(
        [invite.type, invite.state_key, invite.user_id],
        ['m.room.member', bob.userId, alice.userId],
      );
      const shown = invite.invite_room_state.find((event: Json) => event.type === 'm.room.name');
      assert.deepEqual(shown, { type: 'm.room.name', state_key: '', content: { name: 'two' } });
      const presence = body.presence.find(({ content }: Json) => content.user_id === alice.userId);
      assert.deepEqual([presence.type, presence.content.presence], ['m.presence', 'online']);
      const receipt = body.receipts.find((event: Json) => event.room_id === room);
      assert.ok(receipt.content[sent[3] ?? '']['m.read'][alice.userId].ts > 0);
      await alice.say(room, 'new');
      assert.deepEqual(said((await bob.events({ from: body.end })).chunk), ['new']);
      const one = (await bob.ok('GET', '/initialSync')).rooms.find((each: Json) => each.room_id === room);
      assert.equal(one.messages.chunk.length, 10);
    },
  );

  onServers('rooms that were left are shown to who asks for the archive [A032]', async (server) => {
    const [alice, bob] = [await v1Person(server, 'alice'), await v1Person(server, 'bob')];
    const left = await alice.createRoom({ preset: 'public_chat', topic: 'then' });
    const barred = await alice.createRoom({ preset: 'public_chat' });
    for (const room of [left, barred]) await bob.join(room);
    await alice.say(left, 'while bob was there');
    await bob.ok('POST', bob.room(left, '/leave'), {});
    await alice.ok('POST', alice.room(barred, '/ban'), { user_id: bob.userId });
    await alice.setState(left, 'm.room.topic', { topic: 'now' });
    await alice.say(left, 'after bob');
    for (const query of ['', '?archived=false']) {
      assert.deepEqual((await bob.ok('GET', `/initialSync${query}`)).rooms, []);
    }
    const { rooms, end } = await bob.ok('GET', '/initialSync?archived=true');
    const past = rooms.find((one: Json) => one.room_id === left);
    assert.equal(past.membership, 'leave');
    assert.deepEqual(said(past.messages.chunk), ['while bob was there']);
    const topic = past.state.find((event: Json) => event.type === 'm.room.topic');
    assert.equal(topic.content.topic, 'then');
    assert.equal(rooms.find((one: Json) => one.room_id === barred).membership, 'ban');
    await alice.say(left, 'later');
    const { chunk } = await bob.events({ from: end });
    assert.deepEqual(
      chunk.map((event: Json) => event.type),
      ['m.presence'],
      'that Bob is there, and nothing else',
    );
    const { chunk: again } = await bob.ok('GET', `/events?from=${end}&archived=true`);
    assert.deepEqual(
      again.map((event: Json) => event.type),
      ['m.presence'],
    );
  });

  onServers(
    'the event stream waits, and tells everything in the order in which it came [A033]',
    async (server) => {
      const [alice, bob] = [await v1Person(server, 'alice'), await v1Person(server, 'bob')];
      const rooms = [await talk(alice, 0), await talk(alice, 0)];
      const [one = '', two = ''] = rooms;
      for (const room of rooms) await bob.join(room);
      const { end } = await bob.ok('GET', '/initialSync');
      for (let i = 0; i < 3; i++) {
        await alice.say(one, `one ${i}`);
        await alice.say(two, `two ${i}`);
      }
      const first = await bob.events({ from: end });
      assert.equal(first.start, end);
      assert.deepEqual(said(first.chunk), ['one 0', 'two 0', 'one 1', 'two 1', 'one 2', 'two 2']);
      const begun = Date.now();
      const empty = await bob.events({ from: first.end, timeout: 300 });
      assert.deepEqual(empty.chunk, []);
      assert.ok(Date.now() - begun >= 295, 'it waits as long as it was asked to');
      const waiting = bob.events({ from: empty.end, timeout: 20_000 });
      const eventId = await alice.say(two, 'at last');
      const [event] = (await waiting).chunk;
      assert.deepEqual([event.event_id, event.room_id, event.user_id], [eventId, two, alice.userId]);
      assert.ok(Date.now() - begun < 15_000, 'it comes back when something happens');
      assert.equal((await bob.messages(two, { from: 'END', dir: 'b', limit: 1 })).chunk[0].event_id, eventId);
      const now = (await bob.events()).end;
      await alice.ok('PUT', alice.room(one, `/typing/${alice.userId}`), { typing: true, timeout: 30_000 });
      const typing = await bob.eventUntil(now, ({ type }) => type === 'm.typing');
      assert.deepEqual(typing, { type: 'm.typing', content: { user_ids: [alice.userId] }, room_id: one });
      await alice.createRoom({ invite: [bob.userId], name: 'three' });
      const invite = await bob.eventUntil(now, ({ content }) => content.membership === 'invite');
      assert.ok(invite.invite_room_state.some((shown: Json) => shown.content.name === 'three'));
      await bob.ok('PUT', `/_matrix/client/v3/user/${bob.userId}/account_data/org.mine`, { a: 1 });
      assert.deepEqual(
        (await bob.events({ from: (await bob.events()).end })).chunk,
        [],
        'no account data in 2015',
      );
    },
  );

  onServers('an event is the same whichever way it is asked for [A034] [A036]', async (server) => {
    const [alice, bob] = [await v1Person(server, 'alice'), await v1Person(server, 'bob')];
    const room = await alice.createRoom();
    const { end } = await alice.ok('GET', '/initialSync');
    const eventId = await alice.say(room, 'hello');
    const withoutAge = ({ age, ...event }: Json): Json => (assert.ok(age >= 0), event);
    const single = withoutAge(await alice.ok('GET', `/events/${encodeURIComponent(eventId)}`));
    assert.equal(single.event_id, eventId);
    const [streamed] = (await alice.events({ from: end })).chunk;
    const [paged] = (await alice.messages(room, { from: 'END', dir: 'b', limit: 1 })).chunk;
    const [snapshot] = (await alice.ok('GET', '/initialSync?limit=1')).rooms[0].messages.chunk;
    for (const event of [streamed, paged, snapshot]) assert.deepEqual(withoutAge(event), single);
    await bob.fails(404, 'M_NOT_FOUND', 'GET', `/events/${encodeURIComponent(eventId)}`);
    await alice.fails(404, 'M_NOT_FOUND', 'GET', '/events/$nothing');
  });

  onServers('a room is shown to its members, as it is or was [A035]', async (server) => {
    const [alice, bob] = [await v1Person(server, 'alice'), await v1Person(server, 'bob')];
    const room = await alice.createRoom({ preset: 'public_chat', topic: 'then' });
    await bob.join(room);
    await alice.say(room, 'one');
    const path = bob.room(room, '/initialSync?limit=1');
    const whole = await bob.ok('GET', path);
    assert.deepEqual([whole.room_id, whole.membership, whole.visibility], [room, 'join', 'private']);
    assert.deepEqual(said(whole.messages.chunk), ['one']);
    assert.ok(whole.messages.start && whole.messages.end);
    await bob.ok('POST', bob.room(room, '/leave'), {});
    await alice.setState(room, 'm.room.topic', { topic: 'now' });
    const past = await bob.ok('GET', path);
    assert.equal(past.membership, 'leave');
    assert.equal(past.state.find((event: Json) => event.type === 'm.room.topic').content.topic, 'then');
    const carol = await v1Person(server, 'carol');
    await carol.fails(403, 'M_FORBIDDEN', 'GET', path);
  });

  onServers('what is known about an event stands beside its content [A039]', async (server) => {
    const alice = await v1Person(server, 'alice');
    const room = await alice.createRoom({ name: 'old' });
    const before = (await alice.ok('GET', alice.room(room, '/state'))) as Json[];
    const replaced = before.find(({ type }) => type === 'm.room.name').event_id;
    await alice.setState(room, 'm.room.name', { name: 'new' });
    const [name] = (await alice.messages(room, { from: 'END', dir: 'b', limit: 1 })).chunk;
    assert.deepEqual(name.prev_content, { name: 'old' });
    assert.equal(name.replaces_state, replaced);
    assert.ok(Number.isInteger(name.age) && name.age >= 0 && name.age < 60_000);
    assert.equal(name.unsigned, undefined);
    assert.equal(name.sender, undefined);
    const eventId = await alice.say(room, 'oops');
    const path = alice.room(room, `/redact/${encodeURIComponent(eventId)}`);
    const redaction = (await alice.ok('POST', path, { reason: 'a slip' })).event_id;
    const redacted = await alice.ok('GET', `/events/${encodeURIComponent(eventId)}`);
    assert.deepEqual(redacted.content, {});
    assert.equal(redacted.redacted_because.event_id, redaction);
    assert.equal(redacted.redacted_because.user_id, alice.userId);
    assert.equal(redacted.redacted_because.content.reason, 'a slip');
    assert.equal(redacted.redacted_because.redacts, eventId);
  });
});
