import assert from 'node:assert/strict';
import { serverName } from '../../protocol/identifiers.ts';
import * as outgoingStore from '../../storage/federation/outgoing-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import { onBothEngines } from '../../testing/server/engines.ts';
import { openPlaceDatabase } from '../../testing/server/place-database.ts';
import { StoredEdus } from './stored-edus.ts';

const far = serverName('far.example');

onBothEngines('ephemeral data that cannot be read holds up nothing that comes after it', async (place) => {
  const database = await openPlaceDatabase(place);
  try {
    const unit = new UnitOfWork();
    for (const content of ['{"n":1}', '{"n":}', '{', '7', 'null', '{"n":2}']) {
      outgoingStore.addEdu(unit, far, { type: 'test.kept', content }, unit.position());
    }
    await database.commit(unit);
    const problems: string[] = [];
    const stored = new StoredEdus(far, database, (error) => void problems.push(String(error)));
    const found: unknown[] = [];
    while (!stored.isEmpty) {
      const { edus, upTo } = await stored.next(2);
      found.push(...edus.map(({ content }) => content));
      stored.noteTaken(upTo ?? 0);
    }
    assert.deepEqual(found, [{ n: 1 }, { n: 2 }]);
    assert.equal(problems.length, 4);
    assert.match(problems[0] ?? '', /test\.kept for far\.example at position/);
    const removal = new UnitOfWork();
    stored.removeTaken(removal);
    await database.commit(removal);
    assert.deepEqual(await outgoingStore.edus(database, far, 0, 10), [], 'nor is it read again');
  } finally {
    await database.close();
  }
});
