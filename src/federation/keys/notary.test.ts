import assert from 'node:assert/strict';
import type { ServerName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { signJson, SigningKey, VerifyKey, verifyJson } from '../../protocol/signing.ts';
import {
  onFederation,
  type FederatingServer,
  type TestFederation,
} from '../../testing/federation/federation.ts';
import { openPlaceDatabase } from '../../testing/server/place-database.ts';
import type { RemoteServer } from '../../testing/federation/remote-server.ts';
import { KeyFetcher } from './key-fetcher.ts';

const MINUTE = 60_000;
const HOUR = 60 * MINUTE;

/** A clock that a test sets forward. */
class ShiftedClock {
  shift = 0;
  now = (): number => Date.now() + this.shift;
}

/** A server whose keys are valid for an hour or more from when they are asked for, and how often they were. */
async function origin({ startRemote }: TestFederation, clock: ShiftedClock, validMs: number) {
  const remote = await startRemote();
  remote.answer = ({ url }) => {
    if (!url.startsWith('/_matrix/key/v2/server')) return undefined;
    const old = { 'ed25519:before': { key: remote.key.publicKey, expired_ts: 1_500_000_000_000 } };
    const keys = remote.publishedKeys({ valid_until_ts: clock.now() + validMs, old_verify_keys: old });
    return { status: 200, body: keys };
  };
  const asked = () => remote.seen.filter(({ url }) => url.startsWith('/_matrix/key/')).length;
  return { remote, asked };
}

async function read(answer: Promise<Response>): Promise<JsonObject[]> {
  const response = await answer;
  assert.equal(response.status, 200);
  return ((await response.json()) as { server_keys: JsonObject[] }).server_keys;
}

const get = (from: FederatingServer, of: ServerName, rest = '') =>
  read(fetch(`${from.server.url}/_matrix/key/v2/query/${of}${rest}`));

const post = (from: FederatingServer, serverKeys: JsonObject) =>
  read(
    fetch(`${from.server.url}/_matrix/key/v2/query`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ server_keys: serverKeys }),
    }),
  );

function assertSigned(answer: JsonObject | undefined, by: RemoteServer, notary: FederatingServer): void {
  assert.ok(answer);
  assert.equal(answer.server_name, by.name);
  const { keyId, publicKey } = by.key;
  assert.ok(verifyJson(answer, by.name, keyId, VerifyKey.of(publicKey)), 'signed by the server itself');
  const published = notary.server.services.ownKeys.answer().verify_keys as Record<string, { key: string }>;
  const [[ownId, own] = ['', { key: '' }]] = Object.entries(published);
  assert.ok(verifyJson(answer, notary.name, ownId, VerifyKey.of(own.key)), 'signed by the notary');
}

onFederation(
  'keys are asked for through another server, one by one or many at once, and come signed by both [A099] [B098]',
  async (federation) => {
    const { a } = federation;
    const clock = new ShiftedClock();
    const [one, two] = [await origin(federation, clock, HOUR), await origin(federation, clock, HOUR)];
    const keyId = encodeURIComponent(one.remote.key.keyId);
    for (const rest of ['', `/${keyId}`, `/${keyId}/?minimum_valid_until_ts=${Date.now()}`]) {
      const answers = await get(a, one.remote.name, rest);
      assert.equal(answers.length, 1, rest);
      assertSigned(answers[0], one.remote, a);
      const { old_verify_keys: old } = answers[0] as Record<string, JsonObject>;
      assert.deepEqual(old, {
        'ed25519:before': { key: one.remote.key.publicKey, expired_ts: 1_500_000_000_000 },
      });
    }
    const wanted = { [one.remote.key.keyId]: { minimum_valid_until_ts: Date.now() } };
    const many = await post(a, { [one.remote.name]: wanted, [two.remote.name]: {}, 'localhost:1': {} });
    assert.equal(many.length, 2, 'a server that cannot be asked is left out');
    for (const { remote } of [one, two]) {
      assertSigned(
        many.find((answer) => answer.server_name === remote.name),
        remote,
        a,
      );
    }
    assert.deepEqual(await post(a, {}), []);
    assert.deepEqual(
      (await get(a, a.name)).map((answer) => answer.server_name),
      [a.name],
      'its own',
    );
  },
  { servers: 1 },
);

{
  const clock = new ShiftedClock();
  onFederation(
    'a notary keeps an answer for half its time, asks anew where it must last longer, and has it when its server is gone [A099]',
    async (federation) => {
      const { a } = federation;
      clock.shift = 0;
      const { remote, asked } = await origin(federation, clock, 4 * HOUR);
      const until = async (rest = '') => {
        const [answer] = await get(a, remote.name, rest);
        assertSigned(answer, remote, a);
        return Number(answer?.valid_until_ts);
      };
      const first = await until();
      assert.equal(asked(), 1);
      clock.shift = 2 * HOUR - 10 * MINUTE;
      assert.equal(await until(), first, 'within the first half');
      assert.equal(await until(`?minimum_valid_until_ts=${first}`), first, 'which lasts long enough');
      assert.equal(asked(), 1);
      assert.equal(await until(`/${encodeURIComponent(remote.key.keyId)}`), first, 'a key that it has');
      assert.equal(await until('/ed25519:before'), first, 'one of before that it has');
      assert.equal(asked(), 1);
      assert.ok((await until('/ed25519:new')) > first, 'a key that it does not have');
      assert.equal(asked(), 2);
      clock.shift += MINUTE;
      const [latest] = await post(a, { [remote.name]: { 'ed25519:new': {} } });
      const last = Number(latest?.valid_until_ts);
      assert.equal(asked(), 3);
      clock.shift += MINUTE;
      const forced = await until(`?minimum_valid_until_ts=${last + MINUTE / 2}`);
      assert.ok(forced > last + MINUTE / 2, 'which did not');
      assert.equal(asked(), 4);
      clock.shift += 2 * HOUR - 10 * MINUTE;
      assert.equal(await until(), forced, 'its first half began when it came');
      clock.shift += 20 * MINUTE;
      const second = await until();
      assert.ok(second > forced, 'half its time is over');
      assert.equal(asked(), 5);
      await remote.close();
      clock.shift += 100 * HOUR;
      assert.equal(await until(), second, 'what it said last');
      const wanted = { [remote.key.keyId]: { minimum_valid_until_ts: clock.now() } };
      const [answer] = await post(a, { [remote.name]: wanted });
      assertSigned(answer, remote, a);
    },
    { servers: 1, overrides: { clock } },
  );
}

{
  const clock = new ShiftedClock();
  onFederation(
    'a notary asks a server anew that answered a moment ago, where the answer does not last or lacks a key [A099]',
    async (federation) => {
      const { a } = federation;
      clock.shift = 0;
      const { remote, asked } = await origin(federation, clock, HOUR);
      const until = async (rest: string) => Number((await get(a, remote.name, rest))[0]?.valid_until_ts);
      const first = await until('');
      clock.shift += 2_000;
      const wanted = first + 1_000;
      assert.ok((await until(`?minimum_valid_until_ts=${wanted}`)) >= wanted);
      assert.equal(asked(), 2);
      clock.shift += 2_000;
      await until('/ed25519:new');
      assert.equal(asked(), 3);
      remote.answer = ({ url }) =>
        url.startsWith('/_matrix/key/v2/server') ? { status: 500, body: {} } : undefined;
      clock.shift += 2_000;
      await until('/ed25519:new');
      const failed = asked();
      clock.shift += 2_000;
      await until('/ed25519:new');
      assert.equal(asked(), failed, 'one that did not answer is left in peace');
    },
    { servers: 1, overrides: { clock } },
  );
}

onFederation(
  'where a server is gone, its keys are had from the notaries that are trusted [A099] [B098]',
  async (federation) => {
    const { a, b } = federation;
    const { remote } = await origin(federation, new ShiftedClock(), HOUR);
    const unsigned = await federation.startRemote();
    assertSigned((await get(a, remote.name))[0], remote, a);
    // From here on only its own requests come from it: nobody can ask it anything.
    remote.refuseConnections();
    const { status } = await remote.ask(b.name, 'PUT', '/_matrix/federation/v1/send/t', { pdus: [] });
    assert.equal(status, 200, 'its key came by way of the notary');
    const stranger = SigningKey.fromSeed('ed25519:other', Buffer.alloc(32, 1));
    const forged = signJson(
      {
        server_name: 'localhost:1',
        valid_until_ts: Date.now() + HOUR,
        verify_keys: { [stranger.keyId]: { key: stranger.publicKey } },
      },
      'localhost:1',
      stranger,
    );
    unsigned.answer = ({ url }) =>
      url.endsWith('/key/v2/query') ? { status: 200, body: { server_keys: [forged] } } : undefined;
    const database = await openPlaceDatabase(b.place);
    const fetcher = new KeyFetcher({
      ...{ client: b.server.services.federationClient, database, clock: { now: () => Date.now() } },
      notaries: [unsigned.name],
    });
    const nowhere = 'localhost:1' as ServerName;
    assert.equal(await fetcher.fetch(nowhere), undefined, 'what the notary has not signed is not believed');
    assert.ok(unsigned.seen.some(({ url }) => url.endsWith('/key/v2/query')));
    await database.close();
  },
  { env: (before) => ({ MYELIN_FEDERATION_TRUSTED_KEY_SERVERS: before.join(',') }) },
);
