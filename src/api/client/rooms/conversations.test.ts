import assert from 'node:assert/strict';
import type { Json, TestClient } from '../../../testing/client/test-client.ts';
import { onServers, type TestServer } from '../../../testing/server/test-server.ts';

/** Two people in a room, and a way to see what reaches the other. */
async function twoInARoom(s: TestServer) {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const room = await alice.createRoom({ preset: 'public_chat' });
  await bob.join(room);
  const { next_batch: since } = await bob.sync();
  /** What reached bob of everything that alice sent: type, state key and content. */
  const reached = async (): Promise<Json[]> => {
    const body = await bob.sync({ since, filter: JSON.stringify({ room: { timeline: { limit: 100 } } }) });
    return body.rooms.join[room].timeline.events.map(({ type, state_key: stateKey, content }: Json) =>
      stateKey === undefined ? { type, content } : { type, stateKey, content },
    );
  };
  return { alice, bob, room, reached };
}

const FILE = { url: 'mxc://localhost/file', info: { mimetype: 'x/y', size: 3 } };

onServers(
  'Messages of every kind reach others as they are, and broken ones are refused [B053]',
  async (s) => {
    const { alice, room, reached } = await twoInARoom(s);
    const contents = [
      { msgtype: 'm.text', body: '**a**', format: 'org.matrix.custom.html', formatted_body: '<b>a</b>' },
      { msgtype: 'm.text', body: 'spoiler', formatted_body: '<span data-mx-spoiler>a</span>' },
      { msgtype: 'm.text', body: 'maths', formatted_body: '<span data-mx-maths="x">x</span>' },
      { msgtype: 'm.emote', body: 'waves' },
      { msgtype: 'm.notice', body: 'I am a bot' },
      { msgtype: 'm.image', body: 'a caption', filename: 'picture.png', ...FILE },
      { msgtype: 'm.file', body: 'file', filename: 'file', ...FILE },
      { msgtype: 'm.audio', body: 'sound', ...FILE },
      { msgtype: 'm.video', body: 'film', ...FILE },
      { msgtype: 'm.location', body: 'here', geo_uri: 'geo:1,2' },
      { msgtype: 'm.key.verification.request', body: 'verify', from_device: 'A', methods: [], to: '@bob:x' },
      { msgtype: 'org.example.own', body: 'of a kind of its own' },
    ];
    const expected: Json[] = [];
    for (const content of contents) {
      await alice.send(room, 'm.room.message', content);
      expected.push({ type: 'm.room.message', content });
    }
    const states: Record<string, object> = {
      'm.room.name': { name: 'A name' },
      'm.room.avatar': FILE,
      'm.room.topic': {
        topic: 'plain',
        'm.topic': { 'm.text': [{ body: '<b>rich</b>', mimetype: 'text/html' }, { body: 'plain' }] },
      },
      'm.room.pinned_events': { pinned: ['$one', '$two'] },
    };
    for (const [type, content] of Object.entries(states)) {
      await alice.setState(room, type, content);
      expected.push({ type, stateKey: '', content });
    }
    assert.deepEqual(await reached(), expected);
    const broken = [
      {},
      { body: 'x' },
      { msgtype: 'm.text' },
      { msgtype: 1, body: 'x' },
      { msgtype: 'm.text', body: {} },
    ];
    for (const [i, content] of broken.entries()) {
      const path = alice.room(room, `/send/m.room.message/broken${i}`);
      await alice.fails(400, 'M_BAD_JSON', 'PUT', path, content);
    }
    assert.equal((await reached()).length, expected.length);
  },
);

onServers('Stickers reach others as they are [B077]', async (s) => {
  const { alice, room, reached } = await twoInARoom(s);
  const content = { body: 'Smile', url: 'mxc://localhost/sticker', info: { w: 100, h: 100 } };
  await alice.send(room, 'm.sticker', content);
  assert.deepEqual(await reached(), [{ type: 'm.sticker', content }]);
});

onServers('Image packs are kept in rooms, and the choice of rooms with the account [B052]', async (s) => {
  const { alice, room, reached } = await twoInARoom(s);
  const pack = { images: { smile: { url: 'mxc://localhost/smile' } }, pack: { display_name: 'Smiles' } };
  await alice.setState(room, 'm.room.image_pack', pack, 'smiles');
  assert.deepEqual(await reached(), [{ type: 'm.room.image_pack', stateKey: 'smiles', content: pack }]);
  assert.deepEqual(await alice.ok('GET', alice.room(room, '/state/m.room.image_pack/smiles')), pack);
  await keptWithAccount(alice, 'm.image_pack.rooms', { rooms: { [room]: { smiles: {} } } });
});

onServers('Recent emoji are kept with the account [B064]', async (s) => {
  const alice = await s.person('alice');
  await keptWithAccount(alice, 'm.recent_emoji', { recent_emoji: [{ emoji: '🎉', total: 3 }] });
});

onServers(
  'Invites say that a chat is direct, and who it is with is kept with the account [B044]',
  async (s) => {
    const alice = await s.person('alice');
    const bob = await s.person('bob');
    const room = await alice.createRoom({
      is_direct: true,
      invite: [bob.userId],
      preset: 'trusted_private_chat',
    });
    const invited = (await bob.sync()).rooms.invite[room].invite_state.events;
    const invite = invited.find((event: Json) => event.state_key === bob.userId);
    assert.deepEqual([invite.content.membership, invite.content.is_direct], ['invite', true]);
    await bob.join(room);
    const plain = await alice.createRoom({ invite: [bob.userId] });
    const events = (await bob.sync()).rooms.invite[plain].invite_state.events;
    assert.equal(events.find((event: Json) => event.state_key === bob.userId).content.is_direct, undefined);
    await keptWithAccount(alice, 'm.direct', { [bob.userId]: [room] });
    await keptWithAccount(bob, 'm.direct', { [alice.userId]: [room] });
  },
);

/** Account data that the server only keeps: it is given back, and told to the user's other devices. */
async function keptWithAccount(client: TestClient, type: string, content: object): Promise<void> {
  const { next_batch: since } = await client.sync();
  const path = `/v3/user/${client.userId}/account_data/${type}`;
  await client.ok('PUT', path, content);
  assert.deepEqual(await client.ok('GET', path), content);
  const { account_data: changed } = await client.sync({ since });
  assert.deepEqual(
    changed.events.filter((event: Json) => event.type === type),
    [{ type, content }],
  );
}

onServers('A reply names what it replies to, and is not summed up there [B067]', async (s) => {
  const { alice, bob, room } = await twoInARoom(s);
  const question = await alice.say(room, 'how are you?');
  const relation = { 'm.in_reply_to': { event_id: question } };
  const reply = await bob.say(room, 'fine', { 'm.relates_to': relation });
  const shown = await alice.ok('GET', alice.room(room, `/event/${encodeURIComponent(reply)}`));
  assert.deepEqual(shown.content, { msgtype: 'm.text', body: 'fine', 'm.relates_to': relation });
  const replied = await alice.ok('GET', alice.room(room, `/event/${encodeURIComponent(question)}`));
  assert.equal(replied.unsigned['m.relations'], undefined);
  const related = `/v1/rooms/${encodeURIComponent(room)}/relations/${encodeURIComponent(question)}`;
  assert.deepEqual((await alice.ok('GET', related)).chunk, []);
});

onServers('Policy lists are rooms whose rules are kept, changed and taken back [B056]', async (s) => {
  const { alice, bob, room, reached } = await twoInARoom(s);
  const rule = (entity: string) => ({ entity, recommendation: 'm.ban', reason: 'undesirable' });
  const rules: [string, string, object][] = [
    ['m.policy.rule.user', 'rule:spam', rule('@spam*:example.org')],
    ['m.policy.rule.room', 'rule:room', rule('#bad:example.org')],
    ['m.policy.rule.server', 'rule:server', rule('*.evil.example.org')],
  ];
  for (const [type, key, content] of rules) await alice.setState(room, type, content, key);
  const expected = rules.map(([type, stateKey, content]) => ({ type, stateKey, content }));
  assert.deepEqual(await reached(), expected);
  for (const [type, key, content] of rules) {
    const path = `/state/${type}/${encodeURIComponent(key)}`;
    assert.deepEqual(await bob.ok('GET', bob.room(room, path)), content);
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', bob.room(room, path), rule('@alice:localhost'));
    await alice.setState(room, type, {}, key);
    assert.deepEqual(await bob.ok('GET', bob.room(room, path)), {});
  }
});

onServers('Mentions are counted by whom they name, not by names in the text [B055]', async (s) => {
  const { alice, bob, room } = await twoInARoom(s);
  const highlights = async (): Promise<number> =>
    (await bob.sync()).rooms.join[room].unread_notifications.highlight_count;
  const say = (body: string, mentions?: object) =>
    alice.say(room, body, mentions === undefined ? {} : { 'm.mentions': mentions });
  await say('hello', { user_ids: [bob.userId] });
  assert.equal(await highlights(), 1);
  await say(`hello bob, ${bob.userId}`, {});
  await say('hello bob and @room');
  await say('hello', { user_ids: [alice.userId], room: false });
  assert.equal(await highlights(), 1, 'names in the text are none');
  await say('hello all', { room: true });
  assert.equal(await highlights(), 2);
  await bob.say(room, 'hello all', { 'm.mentions': { room: true } });
  const ofAlice = (await alice.sync()).rooms.join[room].unread_notifications;
  assert.equal(ofAlice.highlight_count, 0, 'who may not notify the room does not');
  const rules = await bob.ok('GET', '/v3/pushrules/global/');
  const ids = [...rules.override, ...rules.underride].map((one: Json) => one.rule_id);
  assert.ok(ids.includes('.m.rule.is_user_mention') && ids.includes('.m.rule.is_room_mention'));
  const kept = await bob.ok('GET', bob.room(room, '/messages?dir=b&limit=10'));
  assert.ok(kept.chunk.some(({ content }: Json) => content['m.mentions']?.user_ids?.[0] === bob.userId));
});

onServers(
  'Calls are made by events that reach the other side, over a relay of the server [B083]',
  async (s) => {
    const { alice, bob, room, reached } = await twoInARoom(s);
    const call = { call_id: 'c1', party_id: 'p1', version: '1' };
    const sdp = { type: 'offer', sdp: 'v=0' };
    const contents: Record<string, object> = {
      'm.call.invite': { ...call, lifetime: 60_000, offer: sdp, invitee: bob.userId },
      'm.call.candidates': { ...call, candidates: [{ candidate: 'x', sdpMid: '0', sdpMLineIndex: 0 }] },
      'm.call.answer': { ...call, answer: { type: 'answer', sdp: 'v=0' } },
      'm.call.select_answer': { ...call, selected_party_id: 'p2' },
      'm.call.negotiate': { ...call, lifetime: 10_000, description: sdp },
      'm.call.sdp_stream_metadata_changed': {
        ...call,
        sdp_stream_metadata: { s: { purpose: 'm.usermedia' } },
      },
      'm.call.reject': call,
      'm.call.hangup': { ...call, reason: 'user_hangup' },
    };
    for (const [type, content] of Object.entries(contents)) await alice.send(room, type, content);
    assert.deepEqual(
      await reached(),
      Object.entries(contents).map(([type, content]) => ({ type, content })),
    );
    const relay = await alice.ok('GET', '/v3/voip/turnServer');
    assert.deepEqual(relay.uris, ['turn:turn.example.org?transport=udp']);
    assert.ok(relay.username.endsWith(`:${alice.userId}`) && relay.password.length > 0 && relay.ttl > 0);
  },
  { env: { MYELIN_TURN_URIS: 'turn:turn.example.org?transport=udp', MYELIN_TURN_SHARED_SECRET: 'secret' } },
);
