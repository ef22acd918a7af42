import assert from 'node:assert/strict';
import { authEventIdsOf } from '../../protocol/events/event-format.ts';
import { eventIdOf } from '../../protocol/events/event-id.ts';
import type { Pdu } from '../../protocol/events/event.ts';
import { roomVersion } from '../../protocol/room-versions.ts';
import { finishPdu, SigningKey, VerifyKey, verifyPduSignature } from '../../protocol/signing.ts';
import {
  onFederation,
  type FederatingServer,
  type TestFederation,
} from '../../testing/federation/federation.ts';
import type { RemoteServer } from '../../testing/federation/remote-server.ts';
import type { Json } from '../../testing/client/test-client.ts';

const part = encodeURIComponent;
const V1 = '/_matrix/federation/v1';
const V2 = '/_matrix/federation/v2';

/** Another server that does the two steps of a change of membership by hand. */
class Hand {
  readonly remote: RemoteServer;
  readonly a: FederatingServer;
  readonly userId: string;

  constructor(remote: RemoteServer, a: FederatingServer) {
    this.remote = remote;
    this.a = a;
    this.userId = `@mallory:${remote.name}`;
  }

  make(
    step: string,
    room: string,
    versions: readonly string[] = [],
  ): Promise<{ status: number; body: Json }> {
    const query = versions.map((version, i) => `${i === 0 ? '?' : '&'}ver=${version}`).join('');
    return this.remote.ask(
      this.a.name,
      'GET',
      `${V1}/make_${step}/${part(room)}/${part(this.userId)}${query}`,
    );
  }

  /** Signs what `make` gave and sends it. */
  send(
    step: string,
    room: string,
    made: Json,
    {
      prefix = V2,
      query = '',
      change = {},
      key = this.remote.key,
    }: { prefix?: string; query?: string; change?: object; key?: SigningKey } = {},
  ): Promise<{ status: number; body: Json }> {
    const version = roomVersion(made.room_version);
    const draft = { ...made.event, origin_server_ts: Date.now(), ...change } as Pdu;
    const { pdu, eventId } = finishPdu(draft, version, this.remote.name, key);
    const path = `${prefix}/send_${step}/${part(room)}/${part(eventId)}${query}`;
    return this.remote.ask(this.a.name, 'PUT', path, pdu);
  }
}

function withHand(title: string, run: (hand: Hand, federation: TestFederation) => Promise<void>): void {
  onFederation(
    title,
    async (federation) => {
      const remote = await federation.startRemote();
      await run(new Hand(remote, federation.a), federation);
    },
    { servers: 1 },
  );
}

withHand('a server knocks in two steps, and is shown what the room is [B105]', async (hand, { a }) => {
  const alice = await a.person('alice');
  const rules = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } };
  const room = await alice.createRoom({ room_version: '10', name: 'Behind a door', initial_state: [rules] });
  const incompatible = await hand.make('knock', room, ['6']);
  assert.deepEqual([incompatible.status, incompatible.body.errcode], [400, 'M_INCOMPATIBLE_ROOM_VERSION']);
  assert.equal(incompatible.body.room_version, '10');
  const made = await hand.make('knock', room, ['9', '10']);
  assert.deepEqual([made.status, made.body.room_version], [200, '10']);
  assert.deepEqual(
    [made.body.event.content.membership, made.body.event.state_key, made.body.event.sender],
    ['knock', hand.userId, hand.userId],
  );
  const join = { content: { membership: 'join' } };
  assert.equal((await hand.send('knock', room, made.body, { prefix: V1, change: join })).status, 400);
  const sent = await hand.send('knock', room, made.body, { prefix: V1 });
  assert.equal(sent.status, 200);
  const shown = sent.body.knock_room_state.map((event: Json) => event.type);
  for (const type of ['m.room.create', 'm.room.join_rules', 'm.room.name'])
    assert.ok(shown.includes(type), type);
  const member = await alice.ok('GET', alice.room(room, `/state/m.room.member/${part(hand.userId)}`));
  assert.equal(member.membership, 'knock');
  const closed = await alice.createRoom({ room_version: '10' });
  assert.equal((await hand.make('knock', closed, ['10'])).status, 403);
  assert.equal((await hand.make('knock', '!nothing:here.test', ['10'])).status, 404);
});

withHand(
  'a server joins in two steps, with all or only part of the state, and leaves in two [B104] [B107] [A108]',
  async (hand, { a }) => {
    const [alice, bob] = [await a.person('alice'), await a.person('bob')];
    const room = await alice.createRoom({ preset: 'public_chat', room_version: '10', name: 'Named' });
    await bob.join(room);
    const incompatible = await hand.make('join', room, ['1', '9']);
    assert.deepEqual([incompatible.status, incompatible.body.errcode], [400, 'M_INCOMPATIBLE_ROOM_VERSION']);
    const join = async (query: string, prefix = V2) => {
      const made = await hand.make('join', room, ['10']);
      assert.deepEqual([made.status, made.body.room_version], [200, '10']);
      const now = await alice.ok('GET', alice.room(room, '/members'));
      const before = now.chunk.find((event: Json) => event.state_key === hand.userId);
      assert.notEqual(before?.content.membership, 'join', 'the skeleton changes nothing');
      const sent = await hand.send('join', room, made.body, { prefix, query });
      assert.equal(sent.status, 200, JSON.stringify(sent.body));
      const answer = prefix === V1 ? sent.body[1] : sent.body;
      const pdus = [...answer.state, ...answer.auth_chain] as Pdu[];
      const known = new Set(pdus.map((pdu) => eventIdOf(pdu, roomVersion('10'))));
      const named = [...pdus, made.body.event as Pdu].flatMap((pdu) => authEventIdsOf(pdu));
      assert.ok(
        named.every((id) => known.has(id)),
        'what authorises them is there',
      );
      return sent.body;
    };
    const leave = async (prefix: string) => {
      const made = await hand.make('leave', room);
      assert.equal(made.status, 200, JSON.stringify(made.body));
      assert.equal(made.body.event.content.membership, 'leave');
      const sent = await hand.send('leave', room, made.body, { prefix });
      assert.deepEqual(sent, { status: 200, body: prefix === V1 ? [200, {}] : {} });
      const member = await alice.ok('GET', alice.room(room, `/state/m.room.member/${part(hand.userId)}`));
      assert.equal(member.membership, 'leave');
    };
    const members = (state: Json[]) =>
      state.filter((pdu) => pdu.type === 'm.room.member').map((pdu) => pdu.state_key);
    const whole = await join('');
    assert.deepEqual([whole.members_omitted ?? false, whole.servers_in_room], [false, undefined]);
    assert.deepEqual(members(whole.state).sort(), [alice.userId, bob.userId].sort());
    await leave(V2);
    const partial = await join('?omit_members=true');
    assert.deepEqual([partial.members_omitted, partial.servers_in_room], [true, [a.name]]);
    assert.ok(!members(partial.state).includes(bob.userId));
    await leave(V1);
    assert.equal((await hand.make('leave', room)).status, 403, 'who is not in the room cannot leave it');
    // Version 1, which the specification removed in v1.18, is still answered.
    const [status, old] = (await join('', V1)) as [number, Json];
    assert.deepEqual([status, members(old.state).length > 1], [200, true]);
  },
);

withHand(
  'a join, knock or leave that is not signed by its server is invalid [B104] [B105] [B107 partial]',
  async (hand, { a }) => {
    const alice = await a.person('alice');
    const rules = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } };
    const closed = await alice.createRoom({ room_version: '10', initial_state: [rules] });
    const open = await alice.createRoom({ preset: 'public_chat', room_version: '10' });
    const sign = { key: SigningKey.fromSeed('ed25519:remote', Buffer.alloc(32, 3)) };
    const steps = [
      ['knock', closed, V1],
      ['join', open, V2],
      ['join', open, V1],
      ['leave', open, V2],
    ] as const;
    for (const [step, room, prefix] of steps) {
      const made = await hand.make(step, room, ['10']);
      const { status, body } = await hand.send(step, room, made.body, { prefix, ...sign });
      assert.deepEqual([status, body.errcode], [400, 'M_INVALID_PARAM'], `${step} ${prefix}`);
      assert.equal((await hand.send(step, room, made.body, { prefix })).status, 200);
    }
  },
);

withHand(
  'a restricted join comes back signed by the server that vouches for it [B104 partial]',
  async (hand, { a }) => {
    const alice = await a.person('alice');
    const club = await alice.createRoom({ preset: 'public_chat', room_version: '10' });
    const allow = [{ type: 'm.room_membership', room_id: club }];
    const rules = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'restricted', allow } };
    const room = await alice.createRoom({ room_version: '10', initial_state: [rules] });
    const refused = await hand.make('join', room, ['10']);
    assert.deepEqual([refused.status, refused.body.errcode], [403, 'M_FORBIDDEN']);
    const first = await hand.make('join', club, ['10']);
    assert.equal((await hand.send('join', club, first.body)).status, 200);
    const made = await hand.make('join', room, ['10']);
    assert.equal(made.body.event.content.join_authorised_via_users_server, alice.userId);
    const { status, body } = await hand.send('join', room, made.body);
    assert.equal(status, 200);
    assert.deepEqual(Object.keys(body.event.signatures).sort(), [a.name, hand.remote.name].sort());
    // A server that left the other room does not know any more who is in it.
    await alice.ok('POST', alice.room(club, '/leave'), {});
    const left = await hand.make('leave', room);
    assert.equal((await hand.send('leave', room, left.body)).status, 200);
    const unable = await hand.make('join', room, ['10']);
    assert.deepEqual([unable.status, unable.body.errcode], [400, 'M_UNABLE_TO_AUTHORISE_JOIN']);
    const [[keyId, key] = ['', '']] = Object.entries(
      a.server.services.ownKeys.answerOfVersion1(undefined).verify_keys as Record<string, string>,
    );
    assert.ok(verifyPduSignature(body.event, roomVersion('10'), a.name, keyId, VerifyKey.of(key)));
  },
);

withHand('who sends an old knock again is not told what the room is called now', async (hand, { a }) => {
  const alice = await a.person('alice');
  const rules = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } };
  const room = await alice.createRoom({ room_version: '10', name: 'Before', initial_state: [rules] });
  const made = await hand.make('knock', room, ['10']);
  const change = { origin_server_ts: 1_700_000_000_000 };
  const knock = () => hand.send('knock', room, made.body, { prefix: V1, change });
  const names = ({ body }: { body: Json }) =>
    body.knock_room_state.flatMap((event: Json) => event.content.name ?? []);
  assert.deepEqual(names(await knock()), ['Before']);
  assert.deepEqual(names(await knock()), ['Before'], 'the answer may have been lost');
  await alice.ok('POST', alice.room(room, '/ban'), { user_id: hand.userId });
  await alice.setState(room, 'm.room.name', { name: 'After' });
  const again = await knock();
  assert.deepEqual([again.status, again.body.errcode], [403, 'M_FORBIDDEN']);
});

withHand('who sends an old join again is not told which servers are in the room now', async (hand, { a }) => {
  const alice = await a.person('alice');
  const bob = await a.person('bob');
  const room = await alice.createRoom({ preset: 'public_chat', room_version: '10' });
  await bob.join(room);
  const made = await hand.make('join', room, ['10']);
  const change = { origin_server_ts: 1_700_000_000_000 };
  const join = () => hand.send('join', room, made.body, { query: '?omit_members=true', change });
  assert.deepEqual(
    [(await join()).status, (await join()).status],
    [200, 200],
    'an answer may have been lost',
  );
  await alice.ok('POST', alice.room(room, '/kick'), { user_id: hand.userId });
  const again = await join();
  assert.deepEqual([again.status, again.body.errcode], [403, 'M_FORBIDDEN']);
});

withHand(
  'a server that sends joins again and again has to wait: each is answered with a whole state',
  async (hand, { a }) => {
    const alice = await a.person('alice');
    const room = await alice.createRoom({ preset: 'public_chat', room_version: '10' });
    const made = await hand.make('join', room, ['10']);
    const change = { origin_server_ts: 1_700_000_000_000 };
    const join = () => hand.send('join', room, made.body, { change });
    assert.equal((await join()).status, 200);
    const { log, residentMembership } = a.server.services;
    const [byIds, take] = [log.byIds.bind(log), residentMembership.join.bind(residentMembership)];
    const allCame = Promise.withResolvers<void>();
    log.byIds = (ids) => allCame.promise.then(() => byIds(ids));
    let came = 0;
    residentMembership.join = (...asked) => {
      const answer = take(...asked);
      if (++came === 110) allCame.resolve();
      return answer;
    };
    const answers = await Promise.all(Array.from({ length: 110 }, join));
    assert.equal(answers.filter(({ status }) => status === 429).length, 6);
    assert.equal((await join()).status, 200, 'later it may come again');
  },
);
