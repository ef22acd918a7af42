import assert from 'node:assert/strict';
import { TestClient, type Json } from '../../testing/client/test-client.ts';
import { onServers } from '../../testing/server/test-server.ts';

function events(client: TestClient, query: Record<string, string | number> = {}): Promise<Json> {
  const text = new URLSearchParams(
    Object.entries(query).map(([key, value]) => [key, String(value)] as [string, string]),
  );
  return client.ok('GET', `/v3/events?${text.toString()}`);
}

const said = (chunk: Json[]): string[] => chunk.flatMap(({ content }) => content.body ?? []);
const ofType = (chunk: Json[], type: string): Json[] => chunk.filter((event) => event.type === type);

onServers('An initial sync has all rooms with their newest messages and state [B027]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom({ preset: 'public_chat', visibility: 'public', name: 'one' });
  await bob.join(room);
  for (let i = 0; i < 4; i++) await alice.say(room, `m${i}`);
  await bob.ok('PUT', `/v3/user/${bob.userId}/rooms/${room}/tags/m.favourite`, { order: 0.5 });
  await bob.ok('PUT', `/v3/user/${bob.userId}/account_data/org.mine`, { a: 1 });
  await alice.ok('PUT', `/v3/presence/${alice.userId}/status`, { presence: 'online' });
  const invited = await alice.createRoom({ invite: [bob.userId] });
  const left = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(left);
  await alice.say(left, 'while bob was there');
  await bob.ok('POST', bob.room(left, '/leave'), {});
  await alice.say(left, 'after bob');
  const body = await bob.ok('GET', '/v3/initialSync?limit=2');
  const byId = Object.fromEntries(body.rooms.map((one: Json) => [one.room_id, one]));
  assert.deepEqual(Object.keys(byId).sort(), [room, invited].sort());
  const joined = byId[room];
  assert.equal(joined.membership, 'join');
  assert.equal(joined.visibility, 'public');
  assert.deepEqual(said(joined.messages.chunk), ['m2', 'm3']);
  assert.ok(joined.state.some((event: Json) => event.type === 'm.room.name' && event.room_id === room));
  assert.deepEqual(joined.account_data[0].content, { tags: { 'm.favourite': { order: 0.5 } } });
  const from = joined.messages.start as string;
  const older = await bob.ok('GET', bob.room(room, `/messages?dir=b&limit=2&from=${from}`));
  assert.deepEqual(said(older.chunk), ['m1', 'm0']);
  assert.equal(byId[invited].membership, 'invite');
  assert.equal(byId[invited].visibility, 'private');
  assert.equal(byId[invited].invite.content.membership, 'invite');
  assert.equal(byId[invited].messages, undefined);
  assert.ok(body.presence.some((event: Json) => event.sender === alice.userId));
  assert.ok(body.account_data.some((event: Json) => event.type === 'org.mine'));
  const archived = await bob.ok('GET', '/v3/initialSync?archived=true');
  const past = archived.rooms.find((one: Json) => one.room_id === left);
  assert.equal(past.membership, 'leave');
  assert.deepEqual(said(past.messages.chunk), ['while bob was there']);
  await alice.say(room, 'new');
  assert.deepEqual(said((await events(bob, { from: body.end })).chunk), ['new']);
});

onServers('The event stream tells everything in order, and waits [B027]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const rooms = [
    await alice.createRoom({ preset: 'public_chat' }),
    await alice.createRoom({ preset: 'public_chat' }),
  ];
  const [one = '', two = ''] = rooms;
  for (const room of rooms) await bob.join(room);
  const { end } = await bob.ok('GET', '/v3/initialSync');
  for (let i = 0; i < 3; i++) {
    await alice.say(one, `one ${i}`);
    await alice.say(two, `two ${i}`);
  }
  const first = await events(bob, { from: end });
  assert.deepEqual(said(first.chunk), ['one 0', 'two 0', 'one 1', 'two 1', 'one 2', 'two 2']);
  assert.equal(first.start, end);
  assert.equal(first.chunk[0].room_id, one);
  const waiting = events(bob, { from: first.end, timeout: 20_000 });
  const eventId = await alice.say(two, 'at last');
  const next = await waiting;
  assert.deepEqual(said(next.chunk), ['at last']);
  await alice.ok('PUT', alice.room(one, `/typing/${alice.userId}`), { typing: true, timeout: 30_000 });
  const typing = ofType((await events(bob, { from: next.end, timeout: 20_000 })).chunk, 'm.typing');
  assert.deepEqual(typing, [{ type: 'm.typing', content: { user_ids: [alice.userId] }, room_id: one }]);
  await alice.ok('POST', alice.room(two, `/receipt/m.read/${eventId}`), {});
  const receipts = ofType((await events(bob, { from: next.end, timeout: 20_000 })).chunk, 'm.receipt');
  assert.equal(receipts[0].room_id, two);
  const { end: now } = await events(bob);
  assert.deepEqual((await events(bob, { from: now })).chunk, []);
  await alice.createRoom({ invite: [bob.userId] });
  const [invite] = ofType((await events(bob, { from: now, timeout: 20_000 })).chunk, 'm.room.member');
  assert.equal(invite.state_key, bob.userId);
  assert.equal(invite.content.membership, 'invite');
  await bob.fails(400, 'M_INVALID_PARAM', 'GET', '/v3/events?from=nonsense');
});

onServers('A long stream comes in parts without gaps [B027]', async (s) => {
  const alice = await s.person('alice');
  const rooms = [await alice.createRoom(), await alice.createRoom()];
  const { end } = await alice.ok('GET', '/v3/initialSync');
  const wanted = Array.from({ length: 230 }, (_, i) => `m${i}`);
  for (const [i, text] of wanted.entries()) await alice.say(rooms[i % 2] ?? '', text);
  const all: string[] = [];
  for (let from = end as string; ;) {
    const part = await events(alice, { from });
    if (part.chunk.length === 0) break;
    assert.ok(said(part.chunk).length <= 100);
    all.push(...said(part.chunk));
    from = part.end;
  }
  assert.deepEqual(all, wanted);
});

onServers('One event is given to those who may see it [B027]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom();
  const eventId = await alice.say(room, 'mine');
  const event = await alice.ok('GET', `/v3/events/${eventId}`);
  assert.equal(event.event_id, eventId);
  assert.equal(event.room_id, room);
  await bob.fails(404, 'M_NOT_FOUND', 'GET', `/v3/events/${eventId}`);
  await alice.fails(404, 'M_NOT_FOUND', 'GET', '/v3/events/$nothing');
});

onServers('What ignored people say, and their invites, are not in the stream [B051]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const path = `/v3/user/${bob.userId}/account_data/m.ignored_user_list`;
  await bob.ok('PUT', path, { ignored_users: { [alice.userId]: {} } });
  const { end } = await bob.ok('GET', '/v3/initialSync');
  await alice.say(room, 'listen');
  await alice.setState(room, 'm.room.topic', { topic: 'state is told' });
  await alice.createRoom({ invite: [bob.userId] });
  const { chunk } = await events(bob, { from: end });
  assert.deepEqual(said(chunk), []);
  assert.deepEqual(ofType(chunk, 'm.room.member'), []);
  assert.equal(ofType(chunk, 'm.room.topic').length, 1);
  assert.equal((await bob.ok('GET', '/v3/initialSync')).rooms.length, 1);
});

onServers('A room is given to its members, and as it was to those who left [B028]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom({ preset: 'public_chat', topic: 'then' });
  await bob.join(room);
  await alice.say(room, 'one');
  const path = bob.room(room, '/initialSync?limit=1');
  const whole = await bob.ok('GET', path);
  assert.equal(whole.membership, 'join');
  assert.deepEqual(said(whole.messages.chunk), ['one']);
  await bob.ok('POST', bob.room(room, '/leave'), {});
  await alice.setState(room, 'm.room.topic', { topic: 'now' });
  await alice.say(room, 'two');
  const past = await bob.ok('GET', path);
  assert.equal(past.membership, 'leave');
  assert.equal(past.state.find((event: Json) => event.type === 'm.room.topic').content.topic, 'then');
  assert.deepEqual(said((await bob.ok('GET', bob.room(room, '/initialSync'))).messages.chunk), ['one']);
  const carol = await s.person('carol');
  await carol.fails(403, 'M_FORBIDDEN', 'GET', path);
});

onServers(
  'Rooms that anybody may read are looked into and followed from outside [B068]',
  async (s) => {
    const alice = await s.person('alice');
    const visibility = {
      type: 'm.room.history_visibility',
      content: { history_visibility: 'world_readable' },
    };
    const room = await alice.createRoom({ preset: 'public_chat', initial_state: [visibility] });
    const closed = await alice.createRoom({ preset: 'public_chat' });
    await alice.say(room, 'before');
    const bob = await s.person('bob');
    const registered = await bob.ok('POST', '/v3/register?kind=guest', {});
    const guest = new TestClient(bob.base, registered.access_token);
    for (const visitor of [bob, guest]) {
      const shown = await visitor.ok('GET', visitor.room(room, '/initialSync'));
      assert.equal(shown.membership, undefined);
      assert.equal(said(shown.messages.chunk)[0], 'before');
      const from = shown.messages.end as string;
      const waiting = events(visitor, { room_id: room, from, timeout: 20_000 });
      await alice.say(closed, 'elsewhere');
      await alice.say(room, 'seen from outside');
      const { chunk, end } = await waiting;
      assert.deepEqual(said(chunk), ['seen from outside']);
      assert.equal(chunk[0].room_id, room);
      assert.deepEqual((await events(visitor, { room_id: room, from: end })).chunk, []);
      await visitor.fails(403, 'M_FORBIDDEN', 'GET', `/v3/events?room_id=${encodeURIComponent(closed)}`);
      await visitor.fails(403, 'M_FORBIDDEN', 'GET', visitor.room(closed, '/initialSync'));
    }
    await alice.setState(room, 'm.room.history_visibility', { history_visibility: 'shared' });
    await bob.fails(403, 'M_FORBIDDEN', 'GET', `/v3/events?room_id=${encodeURIComponent(room)}`);
  },
  { env: { MYELIN_REGISTRATION_GUESTS: 'true' } },
);
