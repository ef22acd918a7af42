import assert from 'node:assert/strict';
import * as destinationsStore from '../../storage/federation/destinations-store.ts';
import * as outgoingStore from '../../storage/federation/outgoing-store.ts';
import { openPlaceDatabase } from '../../testing/server/place-database.ts';
import { HeldTimers } from '../../testing/server/held-timers.ts';
import { onFederation, type TestFederation } from '../../testing/federation/federation.ts';
import type { RemoteServer } from '../../testing/federation/remote-server.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';
import { bodies, TestClient } from '../../testing/client/test-client.ts';

const MOST = 120;
/** How often it is looked whether something was written down: each look is a query or two. */
const LOOKS = 10_000;

/** What a remote server heard people say: each text at its first arrival. */
const heard = (remote: RemoteServer): string[] => [...new Set(bodies(remote.pdus))];

/** A room with a guest, whose server was told of something by another process than the one that is there. */
async function roomOfAnotherProcess(federation: TestFederation) {
  const { a, alice, roomId, remote } = await roomWithGuest(federation);
  const first = await a.startProcess();
  const there = new TestClient(first.url, alice.token);
  await there.say(roomId, 'begin');
  await remote.until(() => (heard(remote).includes('begin') ? true : undefined));
  return { a, alice, roomId, remote, first, there };
}

onFederation(
  'a server that is killed while it sends sends everything it has acknowledged, in order, once in effect [A115]',
  async (federation) => {
    const { a, alice, roomId, remote } = await roomWithGuest(federation);
    const bob = await federation.b.person('bob');
    await bob.join(roomId, a.name);
    await a.stop();
    const process = await a.startProcess();
    let sends = 0;
    let killed: Promise<void> | undefined;
    remote.answer = ({ url }) => {
      // It has the third transaction, but the answer reaches nobody.
      if (url.includes('/send/') && ++sends === 3) killed = process.kill();
      return undefined;
    };
    const person = new TestClient(process.url, alice.token);
    const said: string[] = [];
    for (let i = 0; i < MOST && !killed; i++) {
      const text = `m${i}`;
      const taken = await person.say(roomId, text).then(
        () => true,
        () => false,
      );
      if (taken) said.push(text);
    }
    await remote.until(() => killed);
    await killed;
    assert.ok(said.length > 0);
    await a.start();
    await a.client(alice.token).say(roomId, 'after');
    said.push('after');
    await remote.until(() => (heard(remote).includes('after') ? true : undefined));
    const isSaid = (text: string) => said.includes(text);
    assert.deepEqual(heard(remote).filter(isSaid), said);
    const body = await bob.syncUntil(undefined, (one) =>
      bodies(one.rooms?.join?.[roomId]?.timeline?.events).includes('after'),
    );
    assert.ok(body);
    const page = await bob.ok('GET', bob.room(roomId, `/messages?dir=b&limit=${2 * MOST}`));
    assert.deepEqual(bodies(page.chunk).reverse().filter(isSaid), said, 'each once, in order');
  },
);

onFederation(
  'of two processes one sends to a server, each event once; when it is killed the other goes on [A115] [B100]',
  async (federation) => {
    const { a, alice, roomId, remote, first, there } = await roomOfAnotherProcess(federation);
    // What a process commits makes it the one that sends.
    const here = a.client(alice.token);
    const said = ['begin'];
    for (let i = 0; i < 40; i++) {
      await (i % 2 === 0 ? here : there).say(roomId, `m${i}`);
      said.push(`m${i}`);
    }
    await remote.until(() => (heard(remote).includes('m39') ? true : undefined));
    assert.deepEqual(bodies(remote.pdus), said, 'each once, in order, whoever took it from its author');
    await first.kill();
    await here.say(roomId, 'left behind');
    await remote.until(() => (heard(remote).includes('left behind') ? true : undefined));
    assert.deepEqual(heard(remote), [...said, 'left behind']);
  },
  { servers: 1, engines: ['postgres'] },
);

const looks = new HeldTimers(60_000);

onFederation(
  'what a killed process left behind is sent by one that had something for the server before and left it to that process [A115]',
  async (federation) => {
    const { a, alice, roomId, remote, first, there } = await roomOfAnotherProcess(federation);
    const here = a.client(alice.token);
    const path = here.room(roomId, `/typing/${encodeURIComponent(alice.userId)}`);
    const database = await openPlaceDatabase(a.place);
    const isWritten = async () => {
      const after = (await destinationsStore.of(database, remote.name))?.position ?? 0;
      const range = { after, upTo: database.position(), limit: 1 };
      return (await outgoingStore.events(database, remote.name, range)).length === 0;
    };
    for (let i = 0; i < LOOKS; i++) if (await isWritten()) break;
    assert.ok(await isWritten(), 'what was sent is not noted as sent');
    await database.close();
    for (const typing of [true, false]) {
      await here.ok('PUT', path, { typing });
      await remote.until(() => remote.edus.find((edu) => edu.content.typing === typing));
    }
    remote.answer = ({ url }) => (url.includes('/send/') ? { status: 502, body: {} } : undefined);
    const tries = remote.seen.length;
    await there.say(roomId, 'left behind');
    await remote.until(() => remote.seen.slice(tries).find(({ url }) => url.includes('/send/')));
    await first.kill();
    remote.answer = () => undefined;
    looks.letGo();
    await remote.until(() => (heard(remote).includes('left behind') ? true : undefined));
  },
  { servers: 1, engines: ['postgres'], overrides: { timers: looks } },
);
