import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { after, test } from 'node:test';
import { MIGRATIONS } from '../migrations/index.ts';
import { openDatabase } from '../open-database.ts';
import { UnitOfWork } from '../unit-of-work.ts';

const folder = mkdtempSync(join(tmpdir(), 'myelin-batches-'));
after(() => rmSync(folder, { recursive: true, force: true }));

void test('what came while many were told is committed, and told, with what waited before', async () => {
  const database = await openDatabase({ engine: 'sqlite', path: join(folder, 'told.db') }, MIGRATIONS);
  const told: unknown[][] = [];
  const committed: Promise<void>[] = [];
  database.subscribe((changes) => {
    told.push(changes.map(({ data }) => data));
    if (told.length > 1) return;
    committed.push(database.commit(saying('waited')));
    setTimeout(() => committed.push(database.commit(saying('came'))), 1);
    const end = performance.now() + 20;
    while (performance.now() < end);
  });
  await database.commit(saying('first'));
  while (told.flat().length < 3) await new Promise((resolve) => setImmediate(resolve));
  await Promise.all(committed);
  assert.deepEqual(told, [['first'], ['waited', 'came']]);
  await database.close();
});

function saying(data: string): UnitOfWork {
  const unit = new UnitOfWork();
  unit.announce({ topic: 'event', position: unit.position(), data });
  return unit;
}
