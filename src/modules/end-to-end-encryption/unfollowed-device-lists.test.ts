import assert from 'node:assert/strict';
import type { UserId } from '../../protocol/identifiers.ts';
import * as deviceListsStore from '../../storage/encryption/device-lists-store.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import { openPlaceDatabase } from '../../testing/server/place-database.ts';

onFederation(
  'of the devices of people with whom nobody here has a room nothing is written down',
  async ({ a, startRemote }) => {
    const remote = await startRemote();
    const ghosts = Array.from({ length: 100 }, (_, i) => `@ghost${i}:${remote.name}`);
    const edus = ghosts.map((user_id) => ({
      edu_type: 'm.signing_key_update',
      content: { user_id },
    }));
    await remote.sendEdus(a.name, ...edus);
    const database = await openPlaceDatabase(a.place);
    const kept = await Promise.all(
      ghosts.map((ghost) => deviceListsStore.changedAt(database, ghost as UserId)),
    );
    await database.close();
    assert.equal(kept.filter((at) => at !== undefined).length, 0);
  },
  { servers: 1 },
);
