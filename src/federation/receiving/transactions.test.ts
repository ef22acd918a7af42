import assert from 'node:assert/strict';
import type { JsonObject, JsonValue } from '../../protocol/json.ts';
import { onFederation, type TestFederation } from '../../testing/federation/federation.ts';
import type { RemoteServer } from '../../testing/federation/remote-server.ts';
import { roomWithGuest, type RoomWithGuest } from '../../testing/federation/room-with-guest.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';

interface Scene extends RoomWithGuest {
  /** Sends a transaction, with whatever keys. */
  put(txnId: string, body: JsonObject, from?: RemoteServer): Promise<{ status: number; body: Json }>;
  /** What was said in the room. */
  said(): Promise<unknown[]>;
}

async function receiving(federation: TestFederation): Promise<Scene> {
  const scene = await roomWithGuest(federation);
  const { a, alice, roomId, remote } = scene;
  return {
    ...scene,
    put: (txnId, body, from = remote) =>
      from.ask(a.name, 'PUT', `/_matrix/federation/v1/send/${txnId}`, body),
    said: async () => {
      const person = a.client(alice.token);
      const page = await person.ok('GET', person.room(roomId, '/messages?dir=b&limit=100'));
      return bodies(page.chunk).reverse();
    },
  };
}

const message = (body: string) => ({ type: 'm.room.message', content: { msgtype: 'm.text', body } });

onFederation(
  'a transaction may be empty, and name those before it; its ID is that of the path [A103] [B100]',
  async (federation) => {
    const { room, remote, put, said } = await receiving(federation);
    const head = { origin: remote.name, origin_server_ts: Date.now() };
    const empty = { status: 200, body: { pdus: {} } };
    assert.deepEqual(await put('empty', { ...head, pdus: [] }), empty);
    assert.deepEqual(await put('edus', { ...head, pdus: [], edus: [] }), empty);
    assert.deepEqual(
      await put('slash/', { ...head, pdus: [], previous_ids: ['empty'] }),
      empty,
      'as in 2015',
    );
    const of2015 = { ...head, ts: Date.now(), transaction_id: 'empty', prev_ids: ['slash'] };
    const one = room.say('one');
    const taken = await put('real', { ...of2015, pdus: [one.pdu] });
    assert.deepEqual(taken, { status: 200, body: { pdus: { [one.eventId]: {} } } });
    assert.deepEqual(await said(), ['one']);
  },
  { servers: 1 },
);

onFederation(
  'what becomes of each event is told by its ID, whatever else is in the transaction [B100]',
  async (federation) => {
    const { a, alice, room, remote, put, said } = await receiving(federation);
    const known = room.say('known');
    await room.send(known);
    const [good, late] = [room.say('good'), room.say('after what is wrong')];
    const foreign = room.make({ ...message('as Alice'), sender: alice.userId });
    const outsider = room.make({ ...message('not in the room'), sender: `@eve:${remote.name}` });
    const elsewhere = { ...room.make(message('x')).pdu, room_id: `!nowhere:${a.name}` };
    const pdus: JsonValue[] = [known.pdu, good.pdu, foreign.pdu, outsider.pdu, late.pdu, elsewhere, {}];
    const { status, body } = await put('mixed', {
      origin: remote.name,
      origin_server_ts: 1,
      pdus,
    } as JsonObject);
    assert.equal(status, 200);
    for (const { eventId } of [known, good, late]) assert.deepEqual(body.pdus[eventId], {});
    assert.match(body.pdus[foreign.eventId].error, /not signed by/);
    assert.match(body.pdus[outsider.eventId].error, /not joined/);
    assert.deepEqual(await said(), ['known', 'good', 'after what is wrong']);
  },
  { servers: 1 },
);

onFederation(
  'a transaction holds 50 PDUs and 100 EDUs at most; of a larger one nothing is taken [B100] [A103]',
  async (federation) => {
    const { a, room, remote, put, said } = await receiving(federation);
    let edusTaken = 0;
    a.server.services.eduHandlers.on('test.edu', () => {
      edusTaken += 1;
      return Promise.resolve();
    });
    const head = { origin: remote.name, origin_server_ts: Date.now() };
    const edus = (count: number) =>
      Array.from({ length: count }, () => ({ edu_type: 'test.edu', content: {} }));
    const events = Array.from({ length: 51 }, (_, i) => room.say(`m${i}`));
    const pdus = events.map(({ pdu }) => pdu);
    const refused = async (txnId: string, body: JsonObject) => {
      const answer = await put(txnId, { ...head, ...body });
      assert.deepEqual([answer.status, answer.body.errcode], [400, 'M_INVALID_PARAM']);
      assert.match(answer.body.error, /50 PDUs and 100 EDUs/);
    };
    await refused('pdus', { pdus });
    await refused('edus', { pdus: [], edus: edus(101) });
    assert.deepEqual([await said(), edusTaken], [[], 0]);
    const full = await put('full', { ...head, pdus: pdus.slice(0, 50), edus: edus(100) });
    assert.equal(full.status, 200);
    assert.deepEqual(
      full.body.pdus,
      Object.fromEntries(events.slice(0, 50).map(({ eventId }) => [eventId, {}])),
    );
    assert.equal(edusTaken, 100);
    assert.equal((await said()).length, 50);
  },
  { servers: 1 },
);

onFederation(
  'of ephemeral data that this server fails at, nothing but itself is lost',
  async (federation) => {
    const { a, alice, room, remote, put, said } = await receiving(federation);
    a.server.services.eduHandlers.on('test.fails', () => Promise.reject(new Error('as the test wants it')));
    const content = {
      sender: room.userId,
      type: 'test.type',
      message_id: 'after',
      messages: { [alice.userId]: { '*': { n: 1 }, [alice.deviceId]: { n: 2 } } },
    };
    const one = room.say('one');
    const edus = [
      { edu_type: 'test.fails', content: {} },
      { edu_type: 'm.direct_to_device', content },
    ];
    const head = { origin: remote.name, origin_server_ts: Date.now() };
    const { status, body } = await put('fails', { ...head, pdus: [one.pdu], edus } as JsonObject);
    assert.deepEqual([status, body], [200, { pdus: { [one.eventId]: {} } }]);
    assert.deepEqual(await said(), ['one']);
    const { to_device: toDevice } = await a.client(alice.token).sync();
    assert.deepEqual(
      toDevice.events.map((event: Json) => event.content.n),
      [2],
    );
  },
  { servers: 1 },
);

onFederation(
  'a transaction that comes again under its origin and ID is taken once, also later and by another process [A103] [B100]',
  async (federation) => {
    const other = await federation.startRemote();
    const { a, alice, room, remote, put, said } = await receiving(federation);
    const edu = (messageId: string) => ({
      edu_type: 'm.direct_to_device',
      content: {
        sender: room.userId,
        type: 'test.message',
        message_id: messageId,
        messages: { [alice.userId]: { '*': { id: messageId } } },
      },
    });
    const one = room.say('one');
    const outsider = room.make({ ...message('not in the room'), sender: `@eve:${remote.name}` });
    const head = { origin: remote.name, origin_server_ts: Date.now() };
    const body = { ...head, pdus: [one.pdu, outsider.pdu], edus: [edu('first')] } as JsonObject;
    const first = await put('again', body);
    assert.deepEqual(await put('again', body), first, 'the same answer');
    assert.deepEqual(await Promise.all([put('again', body), put('again', body)]), [first, first]);
    const ignored = { ...head, pdus: [], edus: [edu('other')] };
    assert.deepEqual(await put('again', ignored), first, 'the ID is that of the first');
    const ofOther = { ...head, origin: other.name, pdus: [] };
    assert.deepEqual(
      (await put('again', ofOther, other)).body,
      { pdus: {} },
      'another origin has its own IDs',
    );
    await a.stop();
    await a.start();
    const results = ({ status, body }: { status: number; body: Json }) => [
      status,
      Object.entries(body.pdus).map(([id, result]) => [id, (result as Json).error === undefined]),
    ];
    assert.deepEqual(results(await put('again', body)), results(first), 'after a restart');
    const process = await a.another();
    const port = process.tlsPort ?? 0;
    const sent = await remote.askAt(port, a.name, '/_matrix/federation/v1/send/again', body);
    assert.deepEqual(results(sent), results(first), 'by another process');
    assert.deepEqual(await said(), ['one']);
    const { to_device: toDevice } = await a.client(alice.token).sync();
    assert.deepEqual(
      toDevice.events.map((event: Json) => event.content.id),
      ['first'],
    );
  },
  { servers: 1 },
);
