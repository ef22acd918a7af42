import assert from 'node:assert/strict';
import { eventIdOf } from '../../protocol/events/event-id.ts';
import type { Pdu } from '../../protocol/events/event.ts';
import * as outgoingStore from '../../storage/federation/outgoing-store.ts';

import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { onFederation, type TestFederation } from '../../testing/federation/federation.ts';
import { openPlaceDatabase } from '../../testing/server/place-database.ts';
import { putIntoRoom } from '../../testing/federation/put-into-room.ts';
import { RemoteRoom } from '../../testing/federation/remote-room.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';
import { storeEdu } from './federation-sender.ts';

/** A room of Alice's in which somebody of a remote server is, as if they had joined. */
async function roomWithRemote({ a, startRemote }: TestFederation) {
  const remote = await startRemote();
  const person = await a.person('alice');
  const roomId = await person.createRoom({});
  await person.say(roomId, 'before it was there');
  await putIntoRoom(a, `@bob:${remote.name}`, roomId);
  return { a, alice: a.client(person.token), roomId, remote };
}

onFederation(
  'what is said in a room goes to the other servers in it, in order',
  async (federation) => {
    const { a, alice, roomId, remote } = await roomWithRemote(federation);
    const alone = await alice.createRoom({});
    await alice.say(alone, 'nobody else hears this');
    const said = Array.from({ length: 120 }, (_, i) => `m${i}`);
    for (const text of said) await alice.say(roomId, text);
    await remote.until(() => (remote.pdus.length >= said.length ? true : undefined));
    assert.deepEqual(bodies(remote.pdus), said);
    assert.ok(remote.transactions.every((one) => one.pdus.length <= 50));
    assert.ok(remote.pdus.every((pdu) => pdu.signatures[a.name] !== undefined && pdu.room_id === roomId));
  },
  { servers: 1 },
);

onFederation(
  'what is said in a room goes to every one of many servers in it, in order',
  async (federation) => {
    const { a, alice, roomId, remote } = await roomWithRemote(federation);
    const remotes = [remote];
    while (remotes.length < 10) {
      const other = await federation.startRemote();
      await putIntoRoom(a, `@bob:${other.name}`, roomId);
      remotes.push(other);
    }
    const said = ['one', 'two', 'three', 'four'];
    const sender = a.client(alice.token);
    await Promise.all([sender.say(roomId, 'at once'), sender.say(roomId, 'at once')]);
    for (const text of said) await sender.say(roomId, text);
    for (const one of remotes) {
      await one.until(() => (one.pdus.length >= said.length + 2 ? true : undefined));
      assert.deepEqual(bodies(one.pdus), ['at once', 'at once', ...said]);
    }
  },
  { servers: 1 },
);

onFederation(
  'a server that was away gets what it missed once it is there again, also from a server that was restarted [A115 partial]',
  async (federation) => {
    const { a, alice, roomId, remote } = await roomWithRemote(federation);
    remote.answer = ({ url }) => (url.includes('/send/') ? { status: 502, body: {} } : undefined);
    await alice.say(roomId, 'one');
    await remote.until(() => remote.seen.find(({ url }) => url.includes('/send/')));
    await alice.say(roomId, 'two');
    await a.stop();
    await a.start();
    const later = a.client(alice.token);
    await later.say(roomId, 'three');
    remote.answer = () => undefined;
    await remote.until(() => (bodies(remote.pdus).includes('three') ? true : undefined));
    assert.deepEqual(bodies(remote.pdus), ['one', 'two', 'three']);
  },
  { servers: 1 },
);

onFederation(
  'a transaction that was not answered comes again under the same ID',
  async (federation) => {
    const { alice, roomId, remote } = await roomWithRemote(federation);
    let left = 2;
    remote.answer = ({ url }) =>
      url.includes('/send/') && left-- > 0 ? { status: 500, body: {} } : undefined;
    await alice.say(roomId, 'hello');
    await remote.until(() => (remote.transactions.length > 0 ? true : undefined));
    const sends = remote.seen.filter(({ url }) => url.includes('/send/'));
    assert.equal(sends.length, 3);
    assert.equal(new Set(sends.map(({ url }) => url)).size, 1);
  },
  { servers: 1 },
);

onFederation(
  'what is answered with no JSON, or is too large for something on the way, is sent again, in smaller parts',
  async (federation) => {
    const { alice, roomId, remote } = await roomWithRemote(federation);
    remote.answer = ({ url }) => (url.includes('/send/') ? { status: 502, body: {} } : undefined);
    const said = Array.from({ length: 30 }, (_, i) => `m${i}`);
    for (const text of said) await alice.say(roomId, text);
    let pages = 2;
    const sizes: number[] = [];
    remote.answer = ({ url, body }) => {
      if (!url.includes('/send/')) return undefined;
      if (pages > 0) {
        pages -= 1;
        return { status: 200, body: Buffer.from('<h1>We will be back soon</h1>') };
      }
      sizes.push(body.pdus.length);
      return body.pdus.length > 4 ? { status: 413, body: {} } : undefined;
    };
    await remote.until(() => (bodies(remote.pdus).includes('m29') ? true : undefined));
    assert.equal(pages, 0);
    assert.ok(
      sizes.some((size) => size > 4),
      sizes.join(' '),
    );
    assert.deepEqual([...new Set(bodies(remote.pdus))], said);
  },
  { servers: 1 },
);

onFederation(
  'a server that missed very much is sent the newest event of each room',
  async (federation) => {
    const { a, alice, roomId, remote } = await roomWithRemote(federation);
    remote.answer = ({ url }) => (url.includes('/send/') ? { status: 502, body: {} } : undefined);
    const other = await alice.createRoom({});
    await alice.say(roomId, 'first');
    await putIntoRoom(a, `@bob:${remote.name}`, other);
    const later = a.client(alice.token);
    for (let i = 0; i < 210; i++) await later.say(roomId, `m${i}`);
    await later.say(other, 'elsewhere');
    await a.stop();
    await a.start();
    remote.answer = () => undefined;
    await remote.until(() => (bodies(remote.pdus).includes('elsewhere') ? true : undefined));
    assert.deepEqual(bodies(remote.pdus), ['m209', 'elsewhere']);
    await a.client(alice.token).say(roomId, 'after');
    await remote.until(() => (bodies(remote.pdus).includes('after') ? true : undefined));
    assert.deepEqual(bodies(remote.pdus), ['m209', 'elsewhere', 'after']);
  },
  { servers: 1 },
);

onFederation(
  'ephemeral data that must arrive waits in the database, other data is sent while it is new',
  async (federation) => {
    const { a, remote } = await roomWithRemote(federation);
    remote.answer = ({ url }) => (url.includes('/send/') ? { status: 502, body: {} } : undefined);
    await a.stop();
    const database = await openPlaceDatabase(a.place);
    const unit = new UnitOfWork();
    storeEdu(unit, [remote.name], 'test.kept', { n: 1 });
    await database.commit(unit);
    await database.close();
    await a.start();
    await remote.until(() => remote.seen.find(({ url }) => url.includes('/send/')));
    const { federationSender: sender } = a.server.services;
    const presence = (n: number) => ({
      type: 'm.presence',
      key: `presence ${n}`,
      content: { push: [{ user_id: `@u${n}:${a.name}` }] },
    });
    sender.sendSoon([remote.name], presence(1), true);
    sender.sendSoon([remote.name], presence(2), true);
    remote.answer = () => undefined;
    const push = await remote.until(() => {
      const edus = remote.edus.filter((edu) => edu.edu_type === 'm.presence');
      return edus.length > 0 ? edus : undefined;
    });
    assert.deepEqual(push.flatMap((edu) => edu.content.push.map((one: Json) => one.user_id)).sort(), [
      `@u1:${a.name}`,
      `@u2:${a.name}`,
    ]);
    assert.deepEqual(
      remote.edus.filter((edu) => edu.edu_type === 'test.kept').map((edu) => edu.content),
      [{ n: 1 }],
    );
    await a.stop();
    const after = await openPlaceDatabase(a.place);
    assert.deepEqual(await outgoingStore.edus(after, remote.name, 0, 10), []);
    await after.close();
    await a.start();
  },
  { servers: 1 },
);

onFederation(
  'what another process keeps for a server is sent by the running one, though it had nothing for that server before',
  async (federation) => {
    const { a, remote } = await roomWithRemote(federation);
    await a.stop();
    await a.start();
    const other = await openPlaceDatabase(a.place);
    for (const n of [1, 2]) {
      const unit = new UnitOfWork();
      storeEdu(unit, [remote.name], 'test.kept', { n });
      await other.commit(unit);
      await remote.until(() =>
        remote.edus.find((edu) => edu.edu_type === 'test.kept' && edu.content.n === n),
      );
    }
    await other.close();
  },
  // Several processes on PostgreSQL leave what they commit to whoever sends to the server, and look for it each minute.
  { servers: 1, engines: ['sqlite'] },
);

onFederation(
  'a server hears of the ban of its last user, also when the room is looked at in between [B100 partial]',
  async ({ a, startRemote }) => {
    const remote = await startRemote();
    const alice = await a.person('alice');
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    const { userId } = await RemoteRoom.join(remote, a.name, roomId);
    const { roomServers } = a.server.services;
    // Whoever else is told of the ban may read who is in the room before it is sent.
    const forEvent = roomServers.forEvent.bind(roomServers);
    roomServers.forEvent = async (room, position) => {
      await roomServers.of(room);
      return forEvent(room, position);
    };
    await alice.ok('POST', alice.room(roomId, '/ban'), { user_id: userId });
    await remote.until(() => remote.pdus.find((pdu) => pdu.content.membership === 'ban'));
  },
  { servers: 1 },
);

onFederation('a server is not sent what it sent itself [B100 partial]', async (federation) => {
  const { alice, remote, roomId, room } = await roomWithGuest(federation);
  const said = await alice.say(roomId, 'hello');
  await remote.until(() => remote.pdus.find((pdu: Json) => eventIdOf(pdu as Pdu, room.version) === said));
  const own = remote.pdus.filter((pdu: Json) => pdu.sender === room.userId);
  assert.deepEqual(own, []);
});
