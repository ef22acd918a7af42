import assert from 'node:assert/strict';
import { serverName } from '../../protocol/identifiers.ts';
import type { Database } from '../../storage/database.ts';
import { onBothEngines } from '../../testing/server/engines.ts';
import { openPlaceDatabase } from '../../testing/server/place-database.ts';
import { StoredEdus } from './stored-edus.ts';
import { UntakenEvents } from './untaken-events.ts';

/** What waits for a server in the database. */
interface Waiting {
  readonly isEmpty: boolean;
  readAgain(): void;
  look(): Promise<void>;
  next(limit: number): Promise<unknown>;
}

const far = serverName('far.example');
const KINDS: readonly [string, (database: Database) => Waiting][] = [
  ['ephemeral data', (database) => new StoredEdus(far, database, (error) => assert.fail(String(error)))],
  ['events', (database) => new UntakenEvents(far, database)],
];

for (const [kind, make] of KINDS) {
  onBothEngines(
    `${kind} announced while the database is read for a server are read for afterwards`,
    async (place) => {
      const database = await openPlaceDatabase(place);
      try {
        const waiting = make(database);
        for (const read of [() => waiting.next(10), () => waiting.look()]) {
          waiting.readAgain();
          const reading = read();
          waiting.readAgain();
          await reading;
          assert.equal(waiting.isEmpty, false, 'the answer may be of before');
          await read();
          assert.equal(waiting.isEmpty, true);
        }
      } finally {
        await database.close();
      }
    },
  );
}
