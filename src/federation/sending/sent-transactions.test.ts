import assert from 'node:assert/strict';
import { onFederation, type FederatingServer } from '../../testing/federation/federation.ts';
import { openPlaceDatabase } from '../../testing/server/place-database.ts';
import type { RemoteServer, SeenRequest } from '../../testing/federation/remote-server.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { storeEdu } from './federation-sender.ts';

/** Whether something is sent: by an empty transaction it is found out whether a server takes any. */
const isSend = ({ url, body }: SeenRequest): boolean =>
  url.includes('/_matrix/federation/v1/send/') && body.pdus.length + (body.edus?.length ?? 0) > 0;
const idOf = ({ url }: SeenRequest): string => decodeURIComponent(url.split('/').at(-1) ?? '');

/** Stores EDUs for a server that must arrive, as nobody but the server itself could in a moment. */
async function store(a: FederatingServer, remote: RemoteServer, count: number): Promise<void> {
  await a.stop();
  const database = await openPlaceDatabase(a.place);
  const unit = new UnitOfWork();
  for (let n = 0; n < count; n++) storeEdu(unit, [remote.name], 'test.kept', { n });
  await database.commit(unit);
  await database.close();
  await a.start();
}

onFederation(
  'transactions hold 50 PDUs and 100 EDUs at most, one follows the other, and each comes again under its ID until it is taken [B100] [A103]',
  async (federation) => {
    const { a, alice, roomId, remote } = await roomWithGuest(federation);
    let refusals = 0;
    let isOpen = false;
    // Once it is there again, it takes each transaction when it comes for the third time only.
    const tries = new Map<string, number>();
    remote.answer = (seen) => {
      if (!isSend(seen)) return undefined;
      if (!isOpen) return { status: 502, body: {} };
      const count = (tries.get(idOf(seen)) ?? 0) + 1;
      tries.set(idOf(seen), count);
      if (count >= 3) return undefined;
      refusals += 1;
      return { status: 500, body: {} };
    };
    await store(a, remote, 230);
    const person = a.client(alice.token);
    const texts = Array.from({ length: 60 }, (_, i) => `m${i}`);
    for (const text of texts) await person.say(roomId, text);
    isOpen = true;
    const from = remote.seen.length;
    await remote.until(() => (bodies(remote.pdus).length >= texts.length ? true : undefined));
    await remote.until(() =>
      remote.edus.filter((edu) => edu.edu_type === 'test.kept').length >= 230 ? true : undefined,
    );
    assert.deepEqual(bodies(remote.pdus), texts, 'in order, each once');
    assert.deepEqual(
      remote.edus.filter((edu) => edu.edu_type === 'test.kept').map((edu) => edu.content.n),
      Array.from({ length: 230 }, (_, n) => n),
    );
    assert.ok(remote.transactions.every(({ pdus, edus }) => pdus.length <= 50 && edus.length <= 100));
    assert.ok(remote.transactions.some(({ edus }) => edus.length === 100));
    const sends = remote.seen.slice(from).filter(isSend);
    const inTurn = sends.map(idOf).filter((id, i, all) => id !== all[i - 1]);
    assert.equal(new Set(inTurn).size, inTurn.length, 'no other is sent before one is taken');
    assert.ok(refusals >= 2 * (inTurn.length - 1));
    for (const [i, id] of inTurn.entries()) {
      const ofId = sends.filter((seen) => idOf(seen) === id);
      assert.ok(ofId.every(({ body }) => JSON.stringify(body) === JSON.stringify(ofId[0]?.body)));
      const { origin, origin_server_ts: at, previous_ids: before } = ofId[0]?.body as Json;
      assert.deepEqual([origin, typeof at], [a.name, 'number']);
      if (i > 0) assert.deepEqual(before, [inTurn[i - 1]], 'names the one before');
    }
  },
  { servers: 1 },
);

onFederation(
  'a server that is down is tried ever more rarely, and gets what it missed, in order, once it is back [A115]',
  async (federation) => {
    const { a, alice, roomId, remote } = await roomWithGuest(federation);
    const triedAt: number[] = [];
    let isDown = true;
    remote.answer = (seen) => {
      if (!isSend(seen) || !isDown) return undefined;
      triedAt.push(performance.now());
      return { status: 503, body: {} };
    };
    const texts = ['one', 'two', 'three', 'four', 'five'];
    for (const text of texts) await alice.say(roomId, text);
    await remote.until(() => (triedAt.length >= 5 ? true : undefined));
    // 0.1 s at first, twice as long each time, a fifth more or less.
    const pauses = triedAt.slice(1).map((at, i) => at - (triedAt[i] ?? 0));
    for (const [i, pause] of pauses.slice(0, 4).entries()) {
      assert.ok(pause >= 0.75 * 100 * 2 ** i, `${pause} ms before try ${i + 2}`);
    }
    await a.stop();
    await a.start();
    assert.ok(
      (await a.server.services.backOff.failingSince(remote.name)) !== undefined,
      'kept over a restart',
    );
    await a.client(alice.token).say(roomId, 'six');
    isDown = false;
    await remote.until(() => (bodies(remote.pdus).includes('six') ? true : undefined));
    assert.deepEqual(bodies(remote.pdus), [...texts, 'six']);
    assert.equal(await a.server.services.backOff.waitMs(remote.name), 0);
  },
  { servers: 1 },
);

onFederation(
  'what a server missed it gets later from another server, where its author is gone [A115]',
  async ({ a, b, c }) => {
    const [alice, bob, carol] = [await a.person('alice'), await b.person('bob'), await c.person('carol')];
    const roomId = await alice.createRoom({ preset: 'public_chat' });
    for (const person of [bob, carol]) {
      await person.join(roomId, a.name);
    }
    const has = (words: string) => (body: Json) =>
      bodies(body.rooms?.join?.[roomId]?.timeline?.events).includes(words);
    const joined = (body: Json) =>
      (body.rooms?.join?.[roomId]?.timeline?.events as Json[] | undefined)?.some(
        (event) => event.state_key === carol.userId,
      ) === true;
    await bob.syncUntil(undefined, joined);
    await c.stop();
    const missed = ['one', 'two', 'three'];
    for (const text of missed) await alice.say(roomId, text);
    await bob.syncUntil(undefined, has('three'));
    await a.stop();
    await c.start();
    await bob.say(roomId, 'later');
    const back = c.client(carol.token);
    await back.syncUntil(undefined, has('later'));
    const page = await back.ok('GET', back.room(roomId, '/messages?dir=b&limit=20'));
    assert.deepEqual(bodies(page.chunk).reverse(), [...missed, 'later']);
  },
  { servers: 3 },
);
