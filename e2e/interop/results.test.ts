import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { interopTables, keepResults, readResults, type Cell } from './results.ts';

const works: Cell = {
  ...{ peer: 'Other 1.0', home: 'Myelin', feature: 'chat', roomVersion: '12' },
  ...{ result: 'works', reason: '' },
};

test('a run replaces what it looked at, and leaves the rest as it was', () => {
  const folder = mkdtempSync(join(tmpdir(), 'myelin-interop-results-'));
  try {
    const file = join(folder, 'interop.tsv');
    assert.deepEqual(readResults(file), []);
    const fails: Cell = { ...works, home: 'Other', result: 'fails', reason: 'Two lines\n\tand a tab' };
    keepResults([works, fails], file);
    const newer: Cell = { ...works, peer: 'Other 1.1' };
    keepResults([newer], file);
    assert.deepEqual(readResults(file), [newer, { ...fails, reason: 'Two lines and a tab' }]);
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the table has a line for each feature and direction, a column for each room version, and the reasons', () => {
  const table = interopTables([
    works,
    { ...works, roomVersion: '6', result: 'not in this version' },
    { ...works, home: 'Other', result: 'fails', reason: 'Nobody answered' },
  ]);
  assert.equal(
    table,
    [
      '### Other 1.0',
      '',
      '| feature | room made on | 6 | 12 |',
      '| --- | --- | --- | --- |',
      '| chat | Myelin | – | works |',
      '| chat | Other |  | **fails** |',
      '',
      '- chat, room made on Other: Nobody answered',
      '',
    ].join('\n'),
  );
});
