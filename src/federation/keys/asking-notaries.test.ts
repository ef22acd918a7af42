import assert from 'node:assert/strict';
import type { ServerName } from '../../protocol/identifiers.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import { openPlaceDatabase } from '../../testing/server/place-database.ts';
import { KeyFetcher } from './key-fetcher.ts';

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
