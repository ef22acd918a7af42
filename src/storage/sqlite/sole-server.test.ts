import assert from 'node:assert/strict';
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { reserveForServer } from './sole-server.ts';

const MODULE = new URL('sole-server.ts', import.meta.url).href;

test('a database file is for one server, until that has ended or was killed', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'myelin-sole-'));
  const path = join(folder, 'myelin.db');
  try {
    const release = reserveForServer(path);
    assert.throws(() => reserveForServer(path), /Another server uses .*myelin\.db/);
    release();

    const script = `import { reserveForServer } from ${JSON.stringify(MODULE)};
      reserveForServer(${JSON.stringify(path)}); console.log('reserved'); setInterval(() => {}, 1_000);`;
    const flags = ['--disable-warning=ExperimentalWarning', '--input-type=module', '-e', script];
    const other = spawn(process.execPath, flags, { stdio: ['ignore', 'pipe', 'inherit'] });
    await once(other.stdout, 'data');
    assert.throws(() => reserveForServer(path), /Another server uses/);
    other.kill('SIGKILL');
    await once(other, 'exit');
    reserveForServer(path)();
  } finally {
    rmSync(folder, { recursive: true });
  }
});
