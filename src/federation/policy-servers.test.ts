import assert from 'node:assert/strict';
import type { Pdu } from '../protocol/events/event.ts';
import { eventIdOf } from '../protocol/events/event-id.ts';
import type { ServerName } from '../protocol/identifiers.ts';
import { roomVersion } from '../protocol/room-versions.ts';
import { countersignPdu, signPdu, SigningKey } from '../protocol/signing.ts';
import { onFederation, type TestFederation } from '../testing/federation/federation.ts';
import type { RemoteServer } from '../testing/federation/remote-server.ts';
import { bodies, type Json, type TestClient } from '../testing/client/test-client.ts';

const VERSION = roomVersion('11');
const POLICY_KEY = SigningKey.fromSeed('ed25519:policy_server', Buffer.alloc(32, 5));
const SIGN = '/_matrix/policy/v1/sign';
const REFUSAL = { errcode: 'M_FORBIDDEN', error: 'This looks like spam' };

/** Signs whatever is not spam. */
function decide(server: RemoteServer): void {
  server.answer = ({ url, body }) => {
    if (url !== SIGN) return undefined;
    if (JSON.stringify(body.content).includes('spam')) return { status: 400, body: REFUSAL };
    const { signatures } = countersignPdu(body as Pdu, VERSION, server.name, POLICY_KEY) as Json;
    const signature = signatures[server.name]['ed25519:policy_server'];
    return { status: 200, body: { [server.name]: { 'ed25519:policy_server': signature } } };
  };
}

/** A user of the policy server, in the room. */
class Officer {
  readonly server: RemoteServer;
  readonly userId: string;
  readonly #roomId: string;
  #last: Pdu | undefined;

  constructor(server: RemoteServer, roomId: string) {
    this.server = server;
    this.userId = `@officer:${server.name}`;
    this.#roomId = encodeURIComponent(roomId);
  }

  async join(by: ServerName): Promise<void> {
    const path = `/_matrix/federation/v1/make_join/${this.#roomId}/${encodeURIComponent(this.userId)}?ver=11`;
    const { event } = (await this.server.ask(by, 'GET', path)).body;
    const pdu = signPdu(event as Pdu, VERSION, this.server.name, this.server.key);
    const send = `/_matrix/federation/v2/send_join/${this.#roomId}/${encodeURIComponent(eventIdOf(pdu, VERSION))}`;
    const answer = await this.server.ask(by, 'PUT', send, pdu);
    assert.equal(answer.status, 200, JSON.stringify(answer.body));
    this.#last = answer.body.event as Pdu;
  }

  /** Sends a message that nobody was asked to sign, unless the policy server has signed it already. */
  async say(to: ServerName, text: string, isSigned = false): Promise<void> {
    const last = this.#last;
    if (!last) throw new Error('The officer is not in the room');
    const wanted = {
      ...{ type: 'm.room.message', sender: this.userId, room_id: last.room_id, depth: last.depth + 1 },
      ...{ origin_server_ts: Date.now(), content: { msgtype: 'm.text', body: text } },
      prev_events: [eventIdOf(last, VERSION)],
      auth_events: [...(last.auth_events as string[]).slice(0, 2), eventIdOf(last, VERSION)],
    };
    const own = signPdu(wanted as unknown as Pdu, VERSION, this.server.name, this.server.key);
    const pdu = isSigned ? countersignPdu(own, VERSION, this.server.name, POLICY_KEY) : own;
    const body = { origin: this.server.name, origin_server_ts: Date.now(), pdus: [pdu], edus: [] };
    const uri = `/_matrix/federation/v1/send/${crypto.randomUUID()}`;
    const answer = await this.server.ask(to, 'PUT', uri, body);
    assert.deepEqual(answer.body.pdus[eventIdOf(pdu, VERSION)], {});
  }
}

/** A room of Alice's and Bob's that the officer is in, too. */
async function roomWithOfficer({ a, b, startRemote }: TestFederation) {
  const server = await startRemote();
  decide(server);
  const [alice, bob] = [await a.person('alice'), await b.person('bob')];
  const room = await alice.createRoom({ preset: 'public_chat', room_version: '11' });
  await bob.join(room, a.name);
  const officer = new Officer(server, room);
  await officer.join(a.name);
  return { alice, bob, room, officer };
}

async function setPolicy(alice: TestClient, room: string, via: string): Promise<void> {
  const content = { via, public_keys: { ed25519: POLICY_KEY.publicKey } };
  await alice.setState(room, 'm.room.policy', content);
}

const seen = (body: Json, room: string): string[] => bodies(body.rooms?.join?.[room]?.timeline?.events);
const typesOf = (body: Json, room: string): string[] =>
  (body.rooms?.join?.[room]?.timeline?.events ?? []).map(({ type }: Json) => type);
const asked = (server: RemoteServer) => server.seen.filter(({ url }) => url === SIGN);

onFederation(
  'A policy server signs what people send, and its refusal is told them [B059]',
  async (federation) => {
    const { alice, bob, room, officer } = await roomWithOfficer(federation);
    const { server } = officer;
    await alice.say(room, 'before');
    await setPolicy(alice, room, server.name);
    assert.equal(asked(server).length, 0, 'the event that names the policy server is not asked for');
    await alice.say(room, 'hello');
    assert.equal(asked(server).at(-1)?.body.content.body, 'hello');
    const said = alice.room(room, '/send/m.room.message/refused');
    const refused = await alice.ask('PUT', said, { msgtype: 'm.text', body: 'spam' });
    assert.equal(refused.status, 400);
    assert.deepEqual(refused.body, REFUSAL);
    await bob.syncUntil(undefined, (body) => seen(body, room).includes('hello'));
    await bob.say(room, 'of bob');
    await alice.syncUntil(undefined, (body) => seen(body, room).includes('of bob'));
    assert.deepEqual(seen(await alice.sync(), room), ['before', 'hello', 'of bob']);
    await alice.setState(room, 'm.room.topic', { topic: 'also asked for' });
    assert.equal(asked(server).at(-1)?.body.type, 'm.room.topic');
    const sent = await server.until(() => server.pdus.find(({ content }) => content.body === 'hello'));
    assert.ok(sent.signatures[server.name]['ed25519:policy_server']);
  },
);

onFederation(
  'Events that the policy server does not sign are not shown [B059] [B101]',
  async (federation) => {
    const { alice, bob, room, officer } = await roomWithOfficer(federation);
    const { a } = federation;
    await setPolicy(alice, room, officer.server.name);
    await officer.say(a.name, 'spam of others');
    await officer.say(a.name, 'good of others');
    assert.deepEqual(
      asked(officer.server).map(({ body }) => body.content.body),
      ['spam of others', 'good of others'],
      'what comes without a signature is asked for',
    );
    await alice.syncUntil(undefined, (body) => seen(body, room).includes('good of others'));
    assert.deepEqual(seen(await alice.sync(), room), ['good of others']);
    await bob.syncUntil(undefined, (body) => body.rooms?.join?.[room] !== undefined);
  },
);

onFederation(
  'A policy server signs invites of people of other servers [B059 partial]',
  async (federation) => {
    const { alice, room, officer } = await roomWithOfficer(federation);
    const { b } = federation;
    await setPolicy(alice, room, officer.server.name);
    const [carol, dan] = [await b.person('carol'), await b.person('dan')];
    const invite = (who: TestClient, reason: string) =>
      alice.ask('POST', alice.room(room, '/invite'), { user_id: who.userId, reason });
    assert.deepEqual((await invite(carol, 'spam')).body, REFUSAL);
    assert.equal((await invite(dan, 'welcome')).status, 200);
    const invited = (body: Json) => body.rooms?.invite?.[room] !== undefined;
    await dan.syncUntil(undefined, invited);
    assert.equal(invited(await carol.sync()), false, 'what is refused is told nobody');
    const members = await alice.ok('GET', alice.room(room, '/members?membership=invite'));
    assert.deepEqual(
      members.chunk.map((event: Json) => event.state_key),
      [dan.userId],
    );
    await dan.join(room, federation.a.name);
  },
);

onFederation(
  'What a policy server answers that is no signature spoils no transaction [B059 partial]',
  async (federation) => {
    const { alice, room, officer } = await roomWithOfficer(federation);
    const { server } = officer;
    await setPolicy(alice, room, server.name);
    for (const signature of [1.5, null, { deep: ['x'] }, 'x'.repeat(60_000)]) {
      const body = { [server.name]: { 'ed25519:policy_server': signature } };
      server.answer = ({ url }) => (url === SIGN ? { status: 200, body } : undefined);
      await officer.say(federation.a.name, 'unsigned');
    }
    decide(server);
    await officer.say(federation.a.name, 'signed');
    await alice.syncUntil(undefined, (body) => seen(body, room).includes('signed'));
    assert.deepEqual(seen(await alice.sync(), room), ['signed']);
  },
);

onFederation('A room gets rid of a policy server that does not answer [B059]', async (federation) => {
  const { alice, room, officer } = await roomWithOfficer(federation);
  const { server } = officer;
  await setPolicy(alice, room, server.name);
  server.answer = ({ url }) =>
    url === SIGN ? { status: 200, body: { [server.name]: { 'ed25519:policy_server': 'bm8' } } } : undefined;
  const path = (id: string) => alice.room(room, `/send/m.room.message/${id}`);
  const message = { msgtype: 'm.text', body: 'unsigned' };
  await alice.fails(403, 'M_FORBIDDEN', 'PUT', path('one'), message);
  server.answer = ({ url }) => (url === SIGN ? { status: 500, body: {} } : undefined);
  await alice.fails(502, 'M_UNKNOWN', 'PUT', path('two'), message);
  await alice.setState(room, 'm.room.policy', {});
  await alice.ok('PUT', path('three'), message);
  await setPolicy(alice, room, 'nobody.example');
  await alice.ok('PUT', path('four'), message);
  assert.deepEqual(seen(await alice.sync(), room), ['unsigned', 'unsigned'], 'the server is not in the room');
});

onFederation(
  'A room of one server alone asks nobody [B059 partial]',
  async ({ a }) => {
    const alice = await a.person('alice');
    const room = await alice.createRoom();
    await setPolicy(alice, room, a.name);
    await alice.say(room, 'hello');
    assert.deepEqual(seen(await alice.sync(), room), ['hello']);
  },
  { servers: 1 },
);

function later(client: TestClient, room: string, body: string, delay: number): Promise<Json> {
  const path = `/send/m.room.message/${body}?org.matrix.msc4140.delay=${delay}`;
  return client.ok('PUT', client.room(room, path), { msgtype: 'm.text', body });
}

onFederation(
  'Delayed events of one room do not wait for the policy server of another [B059 partial] [B142 partial]',
  async (federation) => {
    const { alice, room, officer } = await roomWithOfficer(federation);
    const { server } = officer;
    await setPolicy(alice, room, server.name);
    const carol = await federation.a.person('carol');
    const quiet = await carol.createRoom();
    const [isAsked, goOn] = [Promise.withResolvers<void>(), Promise.withResolvers<void>()];
    server.holds = ({ url }) => {
      if (url !== SIGN) return undefined;
      isAsked.resolve();
      return goOn.promise;
    };
    for (const id of ['one', 'two']) await later(alice, room, id, 100);
    await isAsked.promise;
    const { next_batch: since } = await carol.sync();
    await later(carol, quiet, 'mine', 100);
    await carol.syncUntil(since, (body) => seen(body, quiet).includes('mine'));
    assert.deepEqual(seen(await alice.sync(), room), [], 'the policy server has not answered yet');
    goOn.resolve();
    await alice.syncUntil(undefined, (body) => seen(body, room).includes('two'));
    assert.deepEqual(seen(await alice.sync(), room), ['one', 'two']);
  },
);

onFederation(
  'Delayed events wait in their order while the policy server fails, and end where it refuses [B059 partial] [B142 partial]',
  async (federation) => {
    const { alice, room, officer } = await roomWithOfficer(federation);
    const { server } = officer;
    await setPolicy(alice, room, server.name);
    const answer = server.answer;
    let failures = 1;
    server.answer = (request) =>
      request.url === SIGN && failures-- > 0 ? { status: 503, body: {} } : answer(request);
    await later(alice, room, 'spam', 500);
    await later(alice, room, 'one', 550);
    await later(alice, room, 'two', 600);
    await alice.syncUntil(undefined, (body) => seen(body, room).includes('two'));
    assert.deepEqual(seen(await alice.sync(), room), ['one', 'two']);
    const waiting = await alice.ok('GET', '/unstable/org.matrix.msc4140/delayed_events');
    assert.deepEqual(waiting.delayed_events, []);
  },
);

onFederation(
  'A join by way of another server is kept with the signature that the policy server gave it there [B059 partial] [B104 partial]',
  async (federation) => {
    const { a, b } = federation;
    const { alice, bob, room, officer } = await roomWithOfficer(federation);
    const { server } = officer;
    await setPolicy(alice, room, server.name);
    await bob.ok('POST', bob.room(room, '/leave'), {});
    await bob.join(room, a.name);
    const state: Json[] = await bob.ok('GET', bob.room(room, '/state'));
    const id: string = state.find(({ state_key: user }) => user === bob.userId)?.event_id;
    const path = `/_matrix/federation/v1/event/${encodeURIComponent(id)}`;
    const { body } = await server.ask(b.name, 'GET', path);
    assert.ok(body.pdus[0].signatures[server.name]?.['ed25519:policy_server']);
  },
);

let ahead = 0;

onFederation(
  'The key of a policy server is looked for in the room alone, and nobody is asked for it [B059 partial] [B101 partial]',
  async (federation) => {
    const { alice, bob, room, officer } = await roomWithOfficer(federation);
    const { server } = officer;
    await setPolicy(alice, room, server.name);
    // Bob's server asks for the key of the officer's server when it hears of the officer.
    await bob.syncUntil(undefined, (body) => typesOf(body, room).includes('m.room.policy'));
    await officer.say(federation.a.name, 'first', true);
    // So that the server would be asked for its keys again.
    ahead += 60_000;
    const before = server.seen.length;
    await officer.say(federation.a.name, 'second', true);
    await alice.syncUntil(undefined, (body) => seen(body, room).includes('second'));
    const urls = server.seen.slice(before).map(({ url }) => url);
    assert.ok(!urls.some((url) => url.startsWith('/_matrix/key/')), urls.join(' '));
  },
  { overrides: { clock: { now: () => Date.now() + ahead } } },
);
