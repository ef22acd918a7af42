import assert from 'node:assert/strict';
import type { ServerName } from '../../protocol/identifiers.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { signJson, SigningKey } from '../../protocol/signing.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import type { RemoteServer } from '../../testing/federation/remote-server.ts';
import { openPlaceDatabase } from '../../testing/server/place-database.ts';
import { KeyFetcher } from './key-fetcher.ts';
import { KeyRing } from './key-ring.ts';

onFederation(
  'a notary is told until when the keys must be valid that are asked for',
  async ({ a, startRemote }) => {
    const notary = await startRemote();
    const database = await openPlaceDatabase(a.place);
    const fetcher = new KeyFetcher({
      ...{ client: a.server.services.federationClient, database, clock: { now: () => Date.now() } },
      notaries: [notary.name],
    });
    await fetcher.fetch('localhost:1' as ServerName, {
      keyIds: ['ed25519:a'],
      validUntil: 1_700_000_000_000,
    });
    const asked = notary.seen.find(({ url }) => url.endsWith('/key/v2/query'))?.body;
    assert.deepEqual(asked.server_keys, {
      'localhost:1': { 'ed25519:a': { minimum_valid_until_ts: 1_700_000_000_000 } },
    });
    await database.close();
  },
  { servers: 1 },
);

/** An answer about the key of a server, as a notary gives it on. */
function published(notary: RemoteServer, server: ServerName, key: SigningKey, until: number): JsonObject {
  const verifyKeys = { [key.keyId]: { key: key.publicKey } };
  const body = { server_name: server, valid_until_ts: until, verify_keys: verifyKeys, old_verify_keys: {} };
  return signJson(signJson(body, server, key), notary.name, notary.key);
}

function tells(notary: RemoteServer, answers: JsonObject[]): void {
  notary.answer = ({ url }) =>
    url.endsWith('/key/v2/query') ? { status: 200, body: { server_keys: answers } } : undefined;
}

/** A notary that tells of no more of a server's keys than it is asked for, and notes for which. */
function tellsOfAsked(
  notary: RemoteServer,
  server: ServerName,
  keys: readonly SigningKey[],
  until: number,
): string[][] {
  const asked: string[][] = [];
  notary.answer = ({ url, body }) => {
    if (!url.endsWith('/key/v2/query')) return undefined;
    asked.push(Object.keys(body.server_keys[server]));
    const told = keys.filter(({ keyId }) => keyId in body.server_keys[server]);
    return { status: 200, body: { server_keys: told.map((key) => published(notary, server, key, until)) } };
  };
  return asked;
}

const OWN = {
  server: 'own' as ServerName,
  key: SigningKey.fromSeed('ed25519:own', Buffer.alloc(32, 1)),
  old: [],
};

onFederation(
  'all keys of a server are taken that a notary tells of, not the newest only',
  async ({ a, startRemote }) => {
    const notary = await startRemote();
    const database = await openPlaceDatabase(a.place);
    const client = a.server.services.federationClient;
    const clock = { now: () => Date.now() };
    const ring = new KeyRing(
      database,
      new KeyFetcher({ client, database, clock, notaries: [notary.name] }),
      OWN,
    );
    const gone = 'localhost:1' as ServerName;
    const [older, newer] = [2, 3].map((seed) =>
      SigningKey.fromSeed(`ed25519:k${seed}`, Buffer.alloc(32, seed)),
    );
    assert.ok(older && newer);
    const now = Date.now();
    tells(notary, [published(notary, gone, older, now - 1e9), published(notary, gone, newer, now - 1e6)]);
    assert.equal((await ring.key(gone, older.keyId, now - 2e9))?.publicKey, older.publicKey);
    assert.equal((await ring.key(gone, newer.keyId, now - 2e6))?.publicKey, newer.publicKey);
    assert.equal(await ring.key(gone, older.keyId, now - 1e6), undefined);
    await database.close();
  },
  { servers: 1 },
);

onFederation(
  'an older answer that a notary gives shortens the validity of no key that its server told of',
  async ({ a, startRemote }) => {
    const [notary, other] = [await startRemote(), await startRemote()];
    const database = await openPlaceDatabase(a.place);
    let now = Date.now();
    const client = a.server.services.federationClient;
    const fetcher = new KeyFetcher({
      ...{ client, database, clock: { now: () => now } },
      notaries: [notary.name],
    });
    const ring = new KeyRing(database, fetcher, OWN);
    const sentAt = now - 60_000;
    assert.ok(await ring.key(other.name, other.key.keyId, sentAt), 'known from the server itself');
    const lost = SigningKey.fromSeed('ed25519:lost', Buffer.alloc(32, 4));
    const long = now - 86_400_000;
    tells(notary, [
      published(notary, other.name, other.key, long),
      published(notary, other.name, lost, long),
    ]);
    other.refuseConnections();
    now += 20_000;
    assert.equal(await ring.key(other.name, other.key.keyId, now + 30 * 86_400_000), undefined);
    const again = new KeyRing(database, fetcher, OWN);
    for (const one of [ring, again]) assert.ok(await one.key(other.name, other.key.keyId, sentAt));
    assert.ok(await again.key(other.name, lost.keyId, long), 'what was not known is learnt');
    await database.close();
  },
  { servers: 1 },
);

onFederation(
  'a notary that tells of no more keys than it is asked for is asked for all that are wanted at once',
  async ({ a, startRemote }) => {
    const notary = await startRemote();
    const database = await openPlaceDatabase(a.place);
    const client = a.server.services.federationClient;
    const clock = { now: () => Date.now() };
    const fetcher = new KeyFetcher({ client, database, clock, notaries: [notary.name] });
    const ring = new KeyRing(database, fetcher, OWN);
    const gone = 'localhost:1' as ServerName;
    const keys = [2, 3].map((seed) => SigningKey.fromSeed(`ed25519:k${seed}`, Buffer.alloc(32, seed)));
    const until = Date.now() - 1e6;
    tellsOfAsked(notary, gone, keys, until);
    const found = await Promise.all(keys.map(({ keyId }) => ring.key(gone, keyId, until)));
    assert.deepEqual(
      found.map((key) => key?.publicKey),
      keys.map(({ publicKey }) => publicKey),
    );
    await database.close();
  },
  { servers: 1 },
);

onFederation(
  'a key of a server that is gone is asked for, though another one of it was a moment ago or is just now',
  async ({ a, startRemote }) => {
    const notary = await startRemote();
    const database = await openPlaceDatabase(a.place);
    const client = a.server.services.federationClient;
    let now = Date.now();
    const fetcher = new KeyFetcher({
      ...{ client, database, clock: { now: () => now } },
      notaries: [notary.name],
    });
    const ring = new KeyRing(database, fetcher, OWN);
    const gone = 'localhost:1' as ServerName;
    const until = now - 1e6;
    const keys = [2, 3, 4].map((seed) => SigningKey.fromSeed(`ed25519:k${seed}`, Buffer.alloc(32, seed)));
    const asked = tellsOfAsked(notary, gone, keys, until);
    const key = (id: string) => ring.key(gone, id, until);
    assert.ok(await key('ed25519:k2'));
    assert.ok(await key('ed25519:k3'), 'in the pause');
    assert.equal(await key('ed25519:unknown'), undefined);
    assert.equal(await key('ed25519:unknown'), undefined);
    assert.deepEqual(asked, [['ed25519:k2'], ['ed25519:k3'], ['ed25519:unknown']], 'each once');
    const gate = Promise.withResolvers<void>();
    const arrived = Promise.withResolvers<void>();
    notary.holds = () => {
      arrived.resolve();
      return gate.promise;
    };
    now += 20_000;
    const first = key('ed25519:other');
    await arrived.promise;
    const late = key('ed25519:k4');
    gate.resolve();
    assert.equal(await first, undefined);
    assert.ok(await late, 'which came when the notary was told already of what is wanted');
    await database.close();
  },
  { servers: 1 },
);
