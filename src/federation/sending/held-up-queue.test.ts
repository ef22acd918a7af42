import assert from 'node:assert/strict';
import { mock } from 'node:test';
import type { JsonValue } from '../../protocol/json.ts';
import { bodies, type Json } from '../../testing/client/test-client.ts';
import { onFederation, type FederatingServer } from '../../testing/federation/federation.ts';
import type { RemoteServer, SeenRequest } from '../../testing/federation/remote-server.ts';
import { roomWithGuest } from '../../testing/federation/room-with-guest.ts';
import { openPlaceDatabase } from '../../testing/server/place-database.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { storeEdu } from './federation-sender.ts';

function nested(levels: number): JsonValue {
  let value: JsonValue = [];
  for (let i = 1; i < levels; i++) value = [value];
  return value;
}

const isSend = ({ url }: SeenRequest): boolean => url.includes('/_matrix/federation/v1/send/');
const holds = ({ body }: SeenRequest, word: string): boolean => JSON.stringify(body).includes(word);
const eventsIn = ({ body }: SeenRequest): number => body.pdus.length;

/** What a queue sends when it begins with all that waits, which is put there while its server is stopped. */
async function storeEdus(a: FederatingServer, remote: RemoteServer, contents: readonly Json[]) {
  await a.stop();
  const database = await openPlaceDatabase(a.place);
  const unit = new UnitOfWork();
  for (const content of contents) storeEdu(unit, [remote.name], 'test.kept', content);
  await database.commit(unit);
  await database.close();
  await a.start();
}

onFederation(
  'events and messages to devices as deep as one may send go to other servers, and so does what comes after them',
  async (federation) => {
    const { a, alice, roomId, room, remote } = await roomWithGuest(federation);
    const content = { msgtype: 'm.text', body: 'deep', odd: nested(510) };
    await alice.ok('PUT', alice.room(roomId, '/send/m.room.message/deep'), content);
    const messages = { [room.userId]: { '*': { odd: nested(508) } } };
    await alice.ok('PUT', '/v3/sendToDevice/test.type/deep', { messages });
    await alice.say(roomId, 'after it');
    await remote.until(() => (bodies(remote.pdus).includes('after it') ? true : undefined));
    assert.deepEqual(bodies(remote.pdus), ['deep', 'after it']);
    await remote.until(() => remote.edus.find((edu) => edu.edu_type === 'm.direct_to_device'));
    assert.equal(await a.server.services.backOff.failingSince(remote.name), undefined);
  },
  { servers: 1 },
);

onFederation(
  'ephemeral data that JSON cannot hold is left out of what is sent',
  async (federation) => {
    const { a, remote } = await roomWithGuest(federation);
    await storeEdus(a, remote, [{ n: 1 }, { half: '\ud800' }, { deep: nested(600) }, { n: 2 }]);
    await remote.until(() => remote.edus.find((edu) => edu.content.n === 2));
    const kept = remote.edus.filter((edu) => edu.edu_type === 'test.kept');
    assert.deepEqual(
      kept.map((edu) => edu.content),
      [{ n: 1 }, { n: 2 }],
    );
  },
  { servers: 1 },
);

onFederation(
  'a server that cannot take one event or message gets all others that were sent with it',
  async (federation) => {
    const { a, alice, roomId, remote } = await roomWithGuest(federation);
    remote.answer = (seen) => (isSend(seen) ? { status: 502, body: {} } : undefined);
    const texts = Array.from({ length: 12 }, (_, i) => (i === 5 ? 'odd' : `m${i}`));
    for (const text of texts) await alice.say(roomId, text);
    await storeEdus(a, remote, [{ n: 1 }, { n: 'odd' }, { n: 2 }, { n: 3 }]);
    const refusal = { status: 400, body: { errcode: 'M_BAD_JSON', error: 'That is odd' } };
    remote.answer = (seen) => (isSend(seen) && holds(seen, '"odd"') ? refusal : undefined);
    await remote.until(() => (bodies(remote.pdus).includes('m11') ? true : undefined));
    await remote.until(() => remote.edus.find((edu) => edu.content.n === 3));
    assert.deepEqual(
      bodies(remote.pdus),
      texts.filter((text) => text !== 'odd'),
    );
    const kept = remote.edus.filter((edu) => edu.edu_type === 'test.kept');
    assert.deepEqual(
      kept.map((edu) => edu.content.n),
      [1, 2, 3],
    );
  },
  { servers: 1 },
);

onFederation(
  'an event and a message that are too large together are sent one by one',
  async (federation) => {
    const { a, alice, roomId, remote } = await roomWithGuest(federation);
    remote.answer = (seen) => (isSend(seen) ? { status: 502, body: {} } : undefined);
    await alice.say(roomId, 'large');
    await storeEdus(a, remote, [{ n: 1 }]);
    remote.answer = (seen) =>
      isSend(seen) && eventsIn(seen) > 0 && holds(seen, 'test.kept') ? { status: 413, body: {} } : undefined;
    await remote.until(() => remote.edus.find((edu) => edu.edu_type === 'test.kept'));
    await remote.until(() => (bodies(remote.pdus).includes('large') ? true : undefined));
  },
  { servers: 1 },
);

for (const status of [500, 403]) {
  onFederation(
    `what a server answers with ${status} for ever, though it takes empty transactions, is left out in the end`,
    async (federation) => {
      const { a, alice, roomId, remote } = await roomWithGuest(federation);
      let failures = 0;
      remote.answer = (seen) => {
        if (!isSend(seen) || !holds(seen, '"odd"')) return undefined;
        failures += 1;
        return { status, body: {} };
      };
      await alice.say(roomId, 'odd');
      await remote.until(() => (failures >= 5 ? true : undefined));
      const now = Date.now.bind(Date);
      const later = mock.method(Date, 'now', () => now() + 3_601_000);
      try {
        await a.server.services.backOff.heardOf(remote.name);
        await alice.say(roomId, 'after it');
        await remote.until(() => (bodies(remote.pdus).includes('after it') ? true : undefined));
        assert.deepEqual(bodies(remote.pdus), ['after it']);
      } finally {
        later.mock.restore();
      }
    },
    { servers: 1 },
  );
}

onFederation(
  'while a server takes nothing at all, nothing is left out, however long that is',
  async (federation) => {
    const { a, alice, roomId, remote } = await roomWithGuest(federation);
    let tries = 0;
    remote.answer = (seen) => {
      if (!isSend(seen)) return undefined;
      tries += 1;
      return { status: 500, body: {} };
    };
    await alice.say(roomId, 'one');
    await remote.until(() => (tries >= 5 ? true : undefined));
    const now = Date.now.bind(Date);
    const later = mock.method(Date, 'now', () => now() + 3_601_000);
    try {
      await a.server.services.backOff.heardOf(remote.name);
      const before = tries;
      await remote.until(() => (tries >= before + 3 ? true : undefined));
      remote.answer = () => undefined;
      await remote.until(() => (bodies(remote.pdus).includes('one') ? true : undefined));
    } finally {
      later.mock.restore();
    }
  },
  { servers: 1 },
);

for (const status of [302, 400, 405, 421]) {
  onFederation(
    `what waits for a server whose name leads elsewhere for a while, where it is answered with ${status}, is not lost`,
    async (federation) => {
      const { alice, roomId, remote } = await roomWithGuest(federation);
      let tries = 0;
      remote.answer = (seen) => {
        if (!isSend(seen)) return undefined;
        tries += 1;
        return { status, body: Buffer.from('<html>Elsewhere</html>') };
      };
      await alice.say(roomId, 'one');
      await remote.until(() => (tries >= 3 ? true : undefined));
      remote.answer = () => undefined;
      await alice.say(roomId, 'two');
      await remote.until(() => (bodies(remote.pdus).includes('two') ? true : undefined));
      assert.deepEqual(bodies(remote.pdus), ['one', 'two']);
    },
    { servers: 1 },
  );
}

for (const [what, status] of [
  ['answers what is sent with 404', 404],
  ['answers what is sent with a web page', 200],
] as const) {
  onFederation(
    `a server that ${what} counts as failing from the first time on`,
    async (federation) => {
      const { a, alice, roomId, remote } = await roomWithGuest(federation);
      const { backOff } = a.server.services;
      let tries = 0;
      remote.answer = (seen) => {
        if (!isSend(seen)) return undefined;
        tries += 1;
        return { status, body: Buffer.from('<html>It works</html>') };
      };
      await alice.say(roomId, 'one');
      const sinceAfter = async (most: number) => {
        await remote.until(() => (tries >= most ? true : undefined));
        return backOff.failingSince(remote.name);
      };
      const first = await sinceAfter(4);
      assert.ok(first !== undefined);
      assert.equal(await sinceAfter(8), first);
      remote.answer = () => undefined;
      await remote.until(() => (bodies(remote.pdus).includes('one') ? true : undefined));
    },
    { servers: 1 },
  );
}
