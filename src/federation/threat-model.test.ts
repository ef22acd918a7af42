import assert from 'node:assert/strict';
import { describe } from 'node:test';
import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { signPdu, SigningKey } from '../protocol/signing.ts';
import {
  onFederation,
  type FederatingServer,
  type TestFederation,
} from '../testing/federation/federation.ts';
import { RemoteRoom } from '../testing/federation/remote-room.ts';
import type { RemoteServer } from '../testing/federation/remote-server.ts';
import { bodies, type Json, type TestClient } from '../testing/client/test-client.ts';

/*
 * The security threat model of October 2015 (appendices, "Security Threat Model"): each threat as an attack that is tried.
 * Mallory has a server of her own, which does what she wants.
 */

interface Attack {
  readonly a: FederatingServer;
  readonly alice: TestClient;
  readonly roomId: string;
  readonly mallory: RemoteServer;
}

/** Alice has a public room on a server, and Mallory a server. */
async function attack({ a, startRemote }: TestFederation): Promise<Attack> {
  const mallory = await startRemote();
  const alice = await a.person('alice');
  const roomId = await alice.createRoom({ preset: 'public_chat', room_version: '10' });
  return { a, alice, roomId, mallory };
}

async function history(person: TestClient, roomId: string): Promise<string[]> {
  const page = await person.ok('GET', person.room(roomId, '/messages?dir=b&limit=100'));
  return bodies((page.chunk as Json[]).reverse());
}

async function membershipOf(person: TestClient, roomId: string, userId: string): Promise<string> {
  const path = person.room(roomId, `/state/m.room.member/${encodeURIComponent(userId)}`);
  return (await person.ok('GET', path)).membership;
}

const text = (body: string) => ({ type: 'm.room.message', content: { msgtype: 'm.text', body } });

/** Opens a connection and tells whether the server keeps it. */
async function isTaken(url: string): Promise<{ socket: Socket; taken: boolean }> {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  const closed = once(socket, 'close').then(() => false);
  socket.on('error', () => undefined);
  socket.write('GET /_matrix/client/versions HTTP/1.1\r\nHost: localhost\r\n\r\n');
  const answered = new Promise<boolean>((resolve) => socket.once('data', () => resolve(true)));
  return { socket, taken: await Promise.race([closed, answered]) };
}

describe('2015: security threat model', () => {
  onFederation(
    'threat: exhaustion of connections, memory, queues and disk [A120]',
    async (federation) => {
      const { a, alice, mallory } = await attack(federation);
      const open = [];
      for (let i = 0; i < 40; i++) open.push(await isTaken(a.server.url));
      const taken = open.filter((one) => one.taken).length;
      assert.ok(taken > 0 && taken <= 16, `${taken} connections of 40 were kept`);
      for (const { socket } of open) socket.destroy();

      const vast = JSON.stringify({ text: 'x'.repeat(70_000) });
      await alice.fails(413, 'M_TOO_LARGE', 'POST', '/v3/createRoom', vast);
      const pdus = Array.from({ length: 51 }, () => ({}));
      const body = { origin: mallory.name, origin_server_ts: Date.now(), pdus };
      const sent = await mallory.ask(a.name, 'PUT', '/_matrix/federation/v1/send/many', body);
      assert.equal(sent.status, 400, JSON.stringify(sent.body));

      const upload = (bytes: number) =>
        alice.ask('POST', '/_matrix/media/v3/upload?filename=x', 'x'.repeat(bytes));
      assert.equal((await upload(700_000)).status, 200);
      assert.deepEqual((await upload(700_000)).status, 403, 'the quota is used up');
    },
    {
      servers: 1,
      env: {
        MYELIN_LIMITS_CONNECTIONS: '16',
        MYELIN_LIMITS_BODY_BYTES: '65536',
        MYELIN_MEDIA_USER_QUOTA_MIB: '1',
      },
    },
  );

  onFederation(
    'threat: bad history: what is forged or not allowed is in no history [A122]',
    async (federation) => {
      const { a, alice, roomId, mallory } = await attack(federation);
      const room = await RemoteRoom.join(mallory, a.name, roomId);
      const honest = room.say('honest');
      await room.send(honest);
      const other = SigningKey.fromSeed(mallory.key.keyId, Buffer.alloc(32, 5));
      const { pdu } = room.make(text('forged'));
      const forged = signPdu({ ...pdu, signatures: {} }, room.version, mallory.name, other);
      await room.sendRaw(forged);
      const refused = await room.send(
        room.make({ type: 'm.room.name', stateKey: '', content: { name: 'mine' } }),
        room.make({ ...text('in the name of nobody'), sender: `@nobody:${mallory.name}` }),
        room.make({
          ...text('from before I was here'),
          auth: [...room.state.values()].slice(0, 1).map((e) => e.eventId),
        }),
      );
      assert.equal(refused.filter((error) => error === undefined).length, 0, refused.join('\n'));

      assert.deepEqual(await history(alice, roomId), ['honest']);
      assert.deepEqual(bodies((await alice.sync()).rooms.join[roomId].timeline.events), ['honest']);
      const context = await alice.ok('GET', alice.room(roomId, `/context/${honest.eventId}?limit=50`));
      assert.deepEqual(bodies([...context.events_before, ...context.events_after]), []);
      await alice.fails(404, 'M_NOT_FOUND', 'GET', alice.room(roomId, '/state/m.room.name'));
    },
    { servers: 1 },
  );

  onFederation(
    'threat: blocked traffic: a third server passes on what one could not send [A123]',
    async ({ a, b, c }) => {
      const [alice, bob, carol] = [await a.person('alice'), await b.person('bob'), await c.person('carol')];
      const roomId = await alice.createRoom({ preset: 'public_chat' });
      for (const person of [bob, carol]) await person.join(roomId, a.name);
      const hears = (person: TestClient, words: string) =>
        person.syncUntil(undefined, (body) =>
          bodies(body.rooms?.join?.[roomId]?.timeline?.events).includes(words),
        );
      await bob.syncUntil(undefined, (body) =>
        ((body.rooms?.join?.[roomId]?.timeline?.events ?? []) as Json[]).some(
          (e) => e.state_key === carol.userId,
        ),
      );

      await c.stop();
      await alice.say(roomId, 'not heard by Carol’s server');
      await hears(bob, 'not heard by Carol’s server');
      // From here on Alice's server can reach nobody.
      await a.stop();
      await c.start();
      await bob.say(roomId, 'and an answer');
      const back = c.client(carol.token);
      await hears(back, 'and an answer');
      assert.deepEqual(await history(back, roomId), ['not heard by Carol’s server', 'and an answer']);
    },
    { servers: 3 },
  );

  onFederation(
    'threat: a flood of messages: senders and servers are held back [A124]',
    async (federation) => {
      const { a, alice, roomId, mallory } = await attack(federation);
      const answers = [];
      for (let i = 0; i < 8; i++)
        answers.push(
          await alice.ask('PUT', alice.room(roomId, `/send/m.room.message/${i}`), text('x').content),
        );
      const held = answers.filter(({ status }) => status === 429);
      assert.ok(held.length >= 2 && held.length < 8, `${held.length} of 8 were held back`);
      for (const { body } of held) assert.ok(body.errcode === 'M_LIMIT_EXCEEDED' && body.retry_after_ms > 0);

      const uri = '/_matrix/federation/v1/query/profile?user_id=@alice:' + a.name;
      const asked = [];
      for (let i = 0; i < 8; i++) asked.push((await mallory.ask(a.name, 'GET', encodeURI(uri))).status);
      assert.ok(asked.filter((status) => status === 429).length >= 2, asked.join(' '));
    },
    {
      servers: 1,
      env: {
        MYELIN_LIMITS_ENABLED: 'true',
        MYELIN_LIMITS_MESSAGE_PER_SECOND: '0.01',
        MYELIN_LIMITS_MESSAGE_BURST: '5',
        MYELIN_LIMITS_SERVER_PER_SECOND: '0.01',
        MYELIN_LIMITS_SERVER_BURST: '5',
      },
    },
  );

  onFederation(
    'threat: a ban without authority is refused, from here and from elsewhere [A125]',
    async (federation) => {
      const { a, alice, roomId, mallory } = await attack(federation);
      const bob = await a.person('bob');
      await bob.join(roomId);
      const ban = { user_id: alice.userId };
      await bob.fails(403, 'M_FORBIDDEN', 'POST', bob.room(roomId, '/ban'), ban);
      const room = await RemoteRoom.join(mallory, a.name, roomId);
      const content = { membership: 'ban' };
      const [error] = await room.send(room.make({ type: 'm.room.member', stateKey: bob.userId, content }));
      assert.match(error ?? '', /./);
      assert.equal(await membershipOf(alice, roomId, bob.userId), 'join');
      assert.equal(await membershipOf(alice, roomId, alice.userId), 'join');
    },
    { servers: 1 },
  );

  onFederation(
    'threat: of an event with altered contents only the redacted form is taken [A126]',
    async (federation) => {
      const { a, alice, roomId, mallory } = await attack(federation);
      const room = await RemoteRoom.join(mallory, a.name, roomId);
      const event = room.make(text('as it was said'));
      await room.sendRaw({ ...event.pdu, content: { msgtype: 'm.text', body: 'as Mallory wants it' } });
      const shown = await alice.ok('GET', alice.room(roomId, `/event/${event.eventId}`));
      assert.deepEqual(shown.content, {});
      assert.deepEqual(await history(alice, roomId), [''], 'a message without a text');
    },
    { servers: 1 },
  );

  onFederation(
    'threat: nobody speaks for users of other servers [A127]',
    async (federation) => {
      const { a, alice, roomId, mallory } = await attack(federation);
      const room = await RemoteRoom.join(mallory, a.name, roomId);
      const [error] = await room.send(room.make({ ...text('I am Alice'), sender: alice.userId }));
      assert.match(error ?? '', /not signed by/);
      const typing = { room_id: roomId, user_id: alice.userId, typing: true };
      await mallory.sendEdus(a.name, { edu_type: 'm.typing', content: typing });
      const bob = await a.person('bob');
      await bob.join(roomId);
      const { ephemeral } = (await bob.sync()).rooms.join[roomId];
      assert.deepEqual(ephemeral?.events ?? [], []);
      assert.deepEqual(await history(alice, roomId), []);
    },
    { servers: 1 },
  );

  onFederation(
    'threat: unsolicited messages need a room in common or an invite, and invites can be refused [A128]',
    async (federation) => {
      const { a, alice, roomId, mallory } = await attack(federation);
      const room = await RemoteRoom.join(mallory, a.name, roomId);
      const elsewhere = '!elsewhere:localhost';
      const stray = room.make({ ...text('buy this'), more: { room_id: elsewhere } });
      await room.send(stray);

      const invite = room.make({
        type: 'm.room.member',
        stateKey: alice.userId,
        content: { membership: 'invite' },
        more: { room_id: elsewhere },
      });
      const block = { default_action: 'block' };
      const path = `/v3/user/${encodeURIComponent(alice.userId)}/account_data/m.invite_permission_config`;
      await alice.ok('PUT', path, block);
      const uri = `/_matrix/federation/v2/invite/${encodeURIComponent(elsewhere)}/${invite.eventId}`;
      const body = { room_version: '10', event: invite.pdu, invite_room_state: [] };
      const answer = await mallory.ask(a.name, 'PUT', uri, body);
      assert.equal(answer.status, 403, JSON.stringify(answer.body));
      const seen = await alice.sync();
      assert.deepEqual(seen.rooms.invite ?? {}, {});
      assert.deepEqual(Object.keys(seen.rooms.join), [roomId]);
    },
    { servers: 1 },
  );

  onFederation(
    'threat: abuse is taken out of every server’s history, and its author out of the room [A129]',
    async ({ a, b }) => {
      const [alice, bob] = [await a.person('alice'), await b.person('bob')];
      const witness = await b.person('witness');
      const roomId = await alice.createRoom({ preset: 'public_chat' });
      for (const person of [bob, witness]) await person.join(roomId, a.name);
      const insult = await bob.say(roomId, 'an insult');
      await alice.syncUntil(undefined, (body) =>
        bodies(body.rooms?.join?.[roomId]?.timeline?.events).includes('an insult'),
      );
      await alice.ok('PUT', alice.room(roomId, `/redact/${insult}/1`), { reason: 'abuse' });
      await alice.ok('POST', alice.room(roomId, '/ban'), { user_id: bob.userId });
      await witness.syncUntil(undefined, (body) =>
        ((body.rooms?.join?.[roomId]?.timeline?.events ?? []) as Json[]).some(
          (event) => event.state_key === bob.userId && event.content.membership === 'ban',
        ),
      );
      for (const person of [alice, witness]) {
        const event = await person.ok('GET', person.room(roomId, `/event/${insult}`));
        assert.deepEqual(event.content, {});
        assert.equal(await membershipOf(person, roomId, bob.userId), 'ban');
      }
      const again = { msgtype: 'm.text', body: 'again' };
      await bob.fails(403, 'M_FORBIDDEN', 'PUT', bob.room(roomId, '/send/m.room.message/2'), again);
    },
  );

  onFederation(
    'threat: servers outside of a room are shown nothing of it [A131]',
    async (federation) => {
      const { a, alice, roomId, mallory } = await attack(federation);
      const said = encodeURIComponent(await alice.say(roomId, 'among us'));
      const media = await alice.ask('POST', '/_matrix/media/v3/upload?filename=x.txt', 'among us');
      const mediaId = (media.body.content_uri as string).split('/').at(-1) ?? '';
      const room = encodeURIComponent(roomId);
      for (const path of [
        `event/${said}`,
        `state/${room}?event_id=${said}`,
        `state_ids/${room}?event_id=${said}`,
        `event_auth/${room}/${said}`,
        `backfill/${room}?v=${said}&limit=10`,
      ]) {
        const answer = await mallory.ask(a.name, 'GET', `/_matrix/federation/v1/${path}`);
        assert.deepEqual([answer.status, answer.body.errcode], [403, 'M_FORBIDDEN'], path);
      }
      const missing = { earliest_events: [], latest_events: [decodeURIComponent(said)] };
      const uri = `/_matrix/federation/v1/get_missing_events/${room}`;
      assert.equal((await mallory.ask(a.name, 'POST', uri, missing)).status, 403);

      const anyone = new URL(`/_matrix/federation/v1/media/download/${mediaId}`, a.server.url);
      assert.equal((await fetch(anyone)).status, 401, 'media are for servers that sign');
    },
    { servers: 1 },
  );

  onFederation(
    'threat: servers in a room see what passes, so it can be encrypted and passes as it is [A132] [A081]',
    async (federation) => {
      const { a, alice, roomId, mallory } = await attack(federation);
      await alice.setState(roomId, 'm.room.encryption', { algorithm: 'm.megolm.v1.aes-sha2' });
      await RemoteRoom.join(mallory, a.name, roomId);
      const content = {
        algorithm: 'm.megolm.v1.aes-sha2',
        ciphertext: 'AwgAEnACgAkLmt6qF84IK++J7UDH2Za1YVchHyprqTqsg',
        device_id: 'RJYKSTBOIE',
        sender_key: 'IlRMeOPX2e0MurIyfWEucYBRVOEEUMrOHqn/8mLqMjA',
        session_id: 'X3lUlvLELLYxeTx4yOVu6UDpasGEVO0Jbu+QFnm0cKQ',
      };
      await alice.send(roomId, 'm.room.encrypted', content);
      const arrived = await mallory.until(() => mallory.pdus.find((pdu) => pdu.type === 'm.room.encrypted'));
      assert.deepEqual(arrived.content, content);
    },
    { servers: 1 },
  );
});
