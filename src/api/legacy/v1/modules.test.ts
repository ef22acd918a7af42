import assert from 'node:assert/strict';
import { describe } from 'node:test';
import type { Json } from '../../../testing/client/test-client.ts';
import { onServers } from '../../../testing/server/test-server.ts';
import { allocates } from '../../../testing/turn/turn-client.ts';
import { startTurnServer } from '../../../testing/turn/turn-server.ts';
import { schemas2015, v1People, type V1Client } from '../../../testing/client/v1-client.ts';

const text = (body: string) => ({ msgtype: 'm.text', body });

/** The newest events of a room, the oldest of them first. */
async function newest(person: V1Client, room: string, limit: number): Promise<Json[]> {
  return (await person.messages(room, { from: 'END', dir: 'b', limit })).chunk.reverse();
}

describe('2015: instant messaging', () => {
  onServers('messages of every kind arrive, and what is no message is refused [A057]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const uri = 'mxc://localhost/abcdef';
    const info = { mimetype: 'image/png', size: 12, w: 3, h: 4 };
    const messages = [
      text('hello'),
      { msgtype: 'm.emote', body: 'waves' },
      { msgtype: 'm.notice', body: 'a bot' },
      { msgtype: 'm.image', body: 'picture', url: uri, info, thumbnail_url: uri, thumbnail_info: info },
      { msgtype: 'm.file', body: 'file', filename: 'file.txt', url: uri, info: { mimetype: 'a/b', size: 1 } },
      { msgtype: 'm.location', body: 'here', geo_uri: 'geo:37.786971,-122.399677' },
      { msgtype: 'm.video', body: 'film', url: uri, info: { ...info, duration: 1 } },
      { msgtype: 'm.audio', body: 'song', url: uri, info: { mimetype: 'audio/ogg', size: 1, duration: 1 } },
      { msgtype: 'com.example.other', body: 'unknown kind' },
    ];
    for (const message of messages) await alice.send(room, 'm.room.message', message);
    const arrived = await newest(bob, room, messages.length);
    assert.deepEqual(
      arrived.map(({ content }) => content),
      messages,
    );
    const path = alice.room(room, '/send/m.room.message');
    for (const bad of [{ body: 'no kind' }, { msgtype: 'm.text' }, { msgtype: 'm.text', body: 1 }, {}]) {
      await alice.fails(400, 'M_BAD_JSON', 'POST', path, bad);
      await alice.fails(400, 'M_BAD_JSON', 'PUT', `${path}/1`, bad);
    }
  });

  onServers('rooms have names and topics [A058]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const room = await alice.createRoom({ preset: 'public_chat', visibility: 'public' });
    await bob.join(room);
    await alice.ok('PUT', alice.room(room, '/state/m.room.name'), { name: 'The garden' });
    await alice.ok('PUT', alice.room(room, '/state/m.room.topic'), { topic: 'Plants' });
    assert.deepEqual(await bob.ok('GET', bob.room(room, '/state/m.room.name')), { name: 'The garden' });
    assert.deepEqual(await bob.ok('GET', bob.room(room, '/state/m.room.topic')), { topic: 'Plants' });
    const [listed] = (await server.anonymous().ok('GET', '/_matrix/client/api/v1/publicRooms')).chunk;
    assert.deepEqual([listed.name, listed.topic], ['The garden', 'Plants']);
  });

  onServers('feedback is relayed [A059]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const target = await alice.say(room, 'hello');
    const { end } = await alice.events();
    const path = bob.room(room, '/send/m.room.message.feedback');
    for (const type of ['delivered', 'read']) {
      const { event_id: id } = await bob.ok('POST', path, { type, target_event_id: target });
      const event = await alice.eventUntil(end, ({ event_id: seen }) => seen === id);
      assert.equal(event.type, 'm.room.message.feedback');
      assert.deepEqual(event.content, { type, target_event_id: target });
    }
  });

  onServers('what one sends comes back under the ID that it was given [A060]', async (server) => {
    const [alice] = await v1People(server, 'alice');
    const room = await alice.createRoom();
    const { end } = await alice.events();
    const posted = await alice.say(room, 'posted');
    const path = alice.room(room, '/send/m.room.message/1');
    const { event_id: put } = await alice.ok('PUT', path, text('put'));
    const { chunk } = await alice.events({ from: end });
    assert.deepEqual(
      chunk.map((event: Json) => [event.event_id, event.content.body]),
      [
        [posted, 'posted'],
        [put, 'put'],
      ],
    );
  });

  onServers('the examples of 2015 pass through unchanged, in the shape of then', async (server) => {
    const [alice] = await v1People(server, 'alice');
    const room = await alice.createRoom();
    for (const [name, example] of schemas2015.examples()) {
      const { type, content } = example as { type: string; content: object };
      const isMessage = type.startsWith('m.room.message') || type.startsWith('m.call.');
      const isPlainState = ['m.room.name', 'm.room.topic', 'm.room.history_visibility'].includes(type);
      if (!isMessage && !isPlainState) continue;
      const sent = isMessage
        ? await alice.send(room, type, content)
        : await alice.setState(room, type, content);
      const event = await alice.ok('GET', `/events/${encodeURIComponent(sent)}`);
      assert.deepEqual(event.content, content, name);
      const mayLack = ['prev_content', 'external_url'];
      const keys = Object.keys(example).filter((key) => !mayLack.includes(key));
      assert.deepEqual(
        keys.filter((key) => !(key in event)),
        [],
        name,
      );
    }
  });
});

describe('2015: history visibility', () => {
  onServers('what was said is for those who might see it then [A071]', async (server) => {
    const [alice, bob, carol, dan] = await v1People(server, 'alice', 'bob', 'carol', 'dan');
    const said = async (person: V1Client, room: string): Promise<string[]> =>
      (await newest(person, room, 100)).flatMap(({ content }) => content.body ?? []);
    const visibility = (history_visibility: string) => ({
      type: 'm.room.history_visibility',
      content: { history_visibility },
    });
    for (const [setting, ofBob] of [
      ['shared', ['before', 'invited', 'joined']],
      ['invited', ['invited', 'joined']],
      ['joined', ['joined']],
    ] as const) {
      const room = await alice.createRoom({ initial_state: [visibility(setting)] });
      await alice.say(room, 'before');
      await alice.ok('POST', alice.room(room, '/invite'), { user_id: bob.userId });
      await alice.say(room, 'invited');
      await bob.join(room);
      await alice.say(room, 'joined');
      assert.deepEqual(await said(bob, room), ofBob, setting);
      await bob.ok('POST', bob.room(room, '/leave'), {});
      await alice.say(room, 'left');
      assert.deepEqual(await said(bob, room), ofBob, `${setting}, after leaving`);
      await dan.fails(403, 'M_FORBIDDEN', 'GET', dan.room(room, '/messages?from=END&dir=b'));
    }
    const room = await alice.createRoom({ preset: 'public_chat' });
    await alice.say(room, 'shared');
    await alice.setState(room, 'm.room.history_visibility', { history_visibility: 'joined' });
    await alice.say(room, 'for members');
    await alice.setState(room, 'm.room.history_visibility', { history_visibility: 'shared' });
    await alice.say(room, 'shared again');
    await carol.join(room);
    assert.deepEqual(await said(carol, room), ['shared', 'shared again'], 'the setting at the event counts');
    const usual = await alice.createRoom({ preset: 'public_chat' });
    const state = usual && (await alice.ok('GET', alice.room(usual, '/state/m.room.history_visibility')));
    assert.equal(state.history_visibility, 'shared');
  });
});

describe('2015: profiles', () => {
  onServers('people have a name and a picture, which only they change [A066] [A067]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const path = (rest = '') => `/profile/${encodeURIComponent(alice.userId)}${rest}`;
    await alice.ok('PUT', path('/displayname'), { displayname: 'Alice' });
    await alice.ok('PUT', path('/avatar_url'), { avatar_url: 'mxc://localhost/face' });
    const stranger = server.anonymous();
    const get = (rest = '') => stranger.ok('GET', `/_matrix/client/api/v1${path(rest)}`);
    assert.deepEqual(await get('/displayname'), { displayname: 'Alice' });
    assert.deepEqual(await get('/avatar_url'), { avatar_url: 'mxc://localhost/face' });
    assert.deepEqual(await get(), { displayname: 'Alice', avatar_url: 'mxc://localhost/face' });
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', path('/displayname'), { displayname: 'Mallory' });
    await bob.fails(403, 'M_FORBIDDEN', 'PUT', path('/avatar_url'), { avatar_url: 'mxc://localhost/mask' });
    await bob.fails(404, 'M_NOT_FOUND', 'GET', `/profile/${encodeURIComponent('@nobody:localhost')}`);
    await bob.fails(404, 'M_NOT_FOUND', 'GET', `/profile/${encodeURIComponent(bob.userId)}/avatar_url`);
    await alice.ok('PUT', path('/org.example.website'), { 'org.example.website': 'https://example.org' });
    assert.deepEqual(await get('/org.example.website'), { 'org.example.website': 'https://example.org' });
    assert.equal((await get())['org.example.website'], 'https://example.org');
  });

  onServers('what one keeps for oneself is read by nobody else [A068]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const path = `/_matrix/client/v3/user/${alice.userId}/account_data/org.example.settings`;
    await alice.ok('PUT', path, { theme: 'dark' });
    assert.deepEqual(await alice.ok('GET', path), { theme: 'dark' });
    await bob.fails(403, 'M_FORBIDDEN', 'GET', path);
    assert.ok(!JSON.stringify(await bob.ok('GET', `/profile/${alice.userId}`)).includes('dark'));
  });
});

describe('2015: voice over IP', () => {
  onServers('calls are set up between two people [A076]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const room = await alice.createRoom({ invite: [bob.userId] });
    await bob.join(room);
    const { end } = await bob.events();
    const call = { call_id: 'c1', version: 0 };
    const sdp = 'v=0\r\no=- 6584580628695956864 2 IN IP4 127.0.0.1';
    const candidate = {
      sdpMid: 'audio',
      sdpMLineIndex: 0,
      candidate: 'candidate:863018703 1 udp 2122260223',
    };
    const signals: [V1Client, string, object][] = [
      [alice, 'm.call.invite', { ...call, lifetime: 60_000, offer: { type: 'offer', sdp } }],
      [alice, 'm.call.candidates', { ...call, candidates: [candidate] }],
      [bob, 'm.call.invite', { ...call, call_id: 'b0', lifetime: 60_000, offer: { type: 'offer', sdp } }],
      [bob, 'm.call.answer', { ...call, answer: { type: 'answer', sdp } }],
      [bob, 'm.call.hangup', call],
    ];
    for (const [person, type, content] of signals) await person.send(room, type, content);
    for (const person of [alice, bob]) {
      const { chunk } = await person.events({ from: end });
      const heard = (chunk as Json[])
        .filter(({ type }) => type !== 'm.presence')
        .map((event) => [event.user_id, event.type, event.content]);
      assert.deepEqual(
        heard,
        signals.map(([sender, type, content]) => [sender.userId, type, content]),
      );
    }
  });

  const SECRET = 'a secret of both';
  onServers(
    'who calls is let into a TURN server for a while [A077]',
    async (server) => {
      const [alice] = await v1People(server, 'alice');
      for (const path of ['/turnServer', '/voip/turnServer']) {
        const { username, password, ttl, uris } = await alice.ok('GET', path);
        assert.deepEqual({ ttl, uris }, { ttl: 60, uris: ['turn:127.0.0.1'] });
        const [until] = String(username).split(':');
        const seconds = Number(until) - Date.now() / 1000;
        assert.ok(seconds > 30 && seconds <= 61, 'not for long');
        const turn = await startTurnServer(SECRET);
        try {
          assert.equal(await allocates(turn.port, username, password), true);
          assert.equal(await allocates(turn.port, `9${username}`, password), false);
        } finally {
          await turn.close();
        }
      }
    },
    {
      env: {
        MYELIN_TURN_URIS: 'turn:127.0.0.1',
        MYELIN_TURN_SHARED_SECRET: SECRET,
        MYELIN_TURN_USER_LIFETIME: '60',
      },
    },
  );

  onServers('where there is no TURN server nothing is told of one [A077 partial]', async (server) => {
    const [alice] = await v1People(server, 'alice');
    assert.deepEqual(await alice.ok('GET', '/turnServer'), {});
  });
});

describe('2015: end-to-end encryption', () => {
  onServers('what the server cannot read it passes on as it is [A081]', async (server) => {
    const [alice, bob] = await v1People(server, 'alice', 'bob');
    const room = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(room);
    const content = {
      algorithm: 'm.olm.v1.curve25519-aes-sha2',
      sender_key: 'Szl29ksW/L8yZGWAX+8dY1XyFi+i5wm+DRhTGkbMiwU',
      ciphertext: {
        '7qZcfnBmbEGzxxaWfBjElJuvn7BZx+lSz/SvFrDF/z8': { body: 'AwogGJJzMhf/S3GQFXAOrC', type: 0 },
      },
      nested: [null, true, 1, { deep: ['ü', '\u{1F510}'] }],
    };
    const sent = await alice.send(room, 'm.room.encrypted', content);
    const event = await bob.ok('GET', `/events/${encodeURIComponent(sent)}`);
    assert.equal(event.type, 'm.room.encrypted');
    assert.deepEqual(event.content, content);
    await alice.fails(404, 'M_UNRECOGNIZED', 'POST', '/keys/upload', {});
  });
});
