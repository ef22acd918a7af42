import assert from 'node:assert/strict';
import { base64 } from '../protocol/base64.ts';
import { eventIdOf } from '../protocol/events/event-id.ts';
import type { Pdu } from '../protocol/events/event.ts';
import { referenceHash } from '../protocol/events/reference-hash.ts';
import type { JsonObject } from '../protocol/json.ts';
import { roomVersion } from '../protocol/room-versions.ts';
import { contentHashMatches, VerifyKey, verifyPduSignature } from '../protocol/signing.ts';
import { onFederation } from '../testing/federation/federation.ts';
import { putIntoRoom } from '../testing/federation/put-into-room.ts';
import { RemoteRoom } from '../testing/federation/remote-room.ts';
import { bodies, type Json } from '../testing/client/test-client.ts';

/** The keys that the specification of October 2015 documents, and that no server has used since before. */
const DOCUMENTED = {
  context: '#example:green.example.com',
  pdu_id: 'a4ecee13e2accdadf56c1025af232176',
  pdu_type: 'm.room.message',
  user_id: '@somebody:green.example.com',
  prev_pdus: [['blue.example.com', '99d16afbc8', { sha256: 'abase64encodedsha256hashshouldbe43byteslong' }]],
  is_state: true,
  required_power_level: 50,
  prev_state_id: 'blue.example.com',
  prev_state_origin: '99d16afbc7',
} satisfies JsonObject;

onFederation(
  'events go out with prev_events and auth_events in the form of their room version, and none of the keys documented in 2015 [A104]',
  async ({ a, startRemote }) => {
    const remote = await startRemote();
    const alice = await a.person('alice');
    const { verify_keys: published } = a.server.services.ownKeys.answer();
    const [[keyId, { key }] = ['', { key: '' }]] = Object.entries(
      published as Record<string, { key: string }>,
    );
    for (const id of ['1', '3', '12']) {
      const version = roomVersion(id);
      const wishes = { preset: 'public_chat', room_version: id };
      const roomId = await a.client(alice.token).createRoom(wishes);
      await putIntoRoom(a, `@bob:${remote.name}`, roomId);
      const person = a.client(alice.token);
      const words = [`first in ${id}`, `second in ${id}`];
      const ids = [await person.say(roomId, words[0] ?? ''), await person.say(roomId, words[1] ?? '')];
      await person.ok('PUT', person.room(roomId, '/state/m.room.name/'), { name: 'A name' });
      const ofRoom = () => remote.pdus.filter((pdu) => pdu.room_id === roomId) as Pdu[];
      await remote.until(() => ofRoom().find((pdu) => pdu.type === 'm.room.name'));
      const [first, second, name] = ofRoom().slice(-3) as [Pdu, Pdu, Pdu];
      assert.deepEqual([first.content.body, second.content.body], words);
      assert.deepEqual([eventIdOf(first, version), eventIdOf(second, version)], ids);
      for (const [pdu, before] of [
        [second, first],
        [name, second],
      ] as const) {
        const beforeId = eventIdOf(before, version);
        const hash = { sha256: base64(referenceHash(before, version)) };
        assert.deepEqual(pdu.prev_events, id === '1' ? [[beforeId, hash]] : [beforeId], `version ${id}`);
        assert.equal(pdu.depth, before.depth + 1);
        assert.equal(pdu.event_id !== undefined, id === '1');
        const authorises = pdu.auth_events as Json[];
        assert.ok(authorises.length >= 2);
        assert.ok(
          authorises.every((one) => (Array.isArray(one) ? one.length === 2 : typeof one === 'string')),
        );
        assert.ok(contentHashMatches(pdu, version));
        assert.ok(verifyPduSignature(pdu, version, a.name, keyId, VerifyKey.of(key)));
        assert.equal(pdu.sender, alice.userId);
        assert.equal(typeof pdu.origin_server_ts, 'number');
        for (const legacy of Object.keys(DOCUMENTED)) assert.equal(pdu[legacy], undefined, legacy);
      }
      assert.deepEqual([name.state_key, second.state_key], ['', undefined]);
    }
  },
  { servers: 1 },
);

onFederation(
  'a PDU as documented in 2015 is dropped without harm; events that have its keys besides are taken with them [A104]',
  async ({ a, b, startRemote }) => {
    const remote = await startRemote();
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    await bob.join(roomId, a.name);
    const room = await RemoteRoom.join(remote, a.name, roomId);
    const documented: JsonObject = {
      ...DOCUMENTED,
      origin: remote.name,
      origin_server_ts: Date.now(),
      content: { msgtype: 'm.text', body: 'as documented' },
      hashes: { sha256: 'thishashcoversallfieldsincasethisisredacted' },
      signatures: {},
      depth: 1,
    };
    const content = { msgtype: 'm.text', body: 'with its keys' };
    const event = room.next({ type: 'm.room.message', content, more: DOCUMENTED });
    const results = await room.sendRaw(documented, { ...documented, room_id: roomId }, event.pdu);
    assert.deepEqual(results[event.eventId], {});
    const page = await alice.ok('GET', alice.room(roomId, '/messages?dir=b&limit=10'));
    assert.deepEqual(bodies(page.chunk), ['with its keys']);
    const path = `/_matrix/federation/v1/event/${encodeURIComponent(event.eventId)}`;
    const given = await remote.ask(a.name, 'GET', path);
    const { unsigned: _age, ...pdu } = given.body.pdus[0];
    assert.deepEqual(pdu, event.pdu, 'the hash covers what nobody here reads');
  },
);
