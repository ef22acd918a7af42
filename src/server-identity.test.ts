import assert from 'node:assert/strict';
import { copyFileSync, mkdtempSync, renameSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { loadConfig } from './platform/config/load-config.ts';
import { startServer } from './server.ts';
import { onBothEngines, type TestPlace } from './testing/server/engines.ts';
import { FAST } from './testing/server/test-server.ts';

type Settings = Record<string, string>;

/** Starts a server in a place and stops it; gives the ID of the key that it signs with. */
async function startOnce(place: TestPlace, settings: Settings = {}): Promise<string> {
  const server = await startServer(loadConfig({ env: { ...FAST, ...place.env, ...settings } }));
  const keys = (await (await fetch(`${server.url}/_matrix/key/v2/server`)).json()) as { verify_keys: object };
  await server.close();
  return Object.keys(keys.verify_keys)[0] ?? '';
}

onBothEngines('a database is that of one server name', async (place) => {
  await startOnce(place);
  const other = { MYELIN_SERVER_NAME: 'other.example' };
  await assert.rejects(startOnce(place, other), /that of localhost, and server_name is other\.example/);
  await startOnce(place);
});

onBothEngines(
  'a lost signing key is not made anew, unless the operator names it among the old ones',
  async (place) => {
    const keyId = await startOnce(place);
    const file = join(place.dataDir, 'signing.key');
    renameSync(file, `${file}.lost`);
    let told = '';
    await assert.rejects(startOnce(place), (error: Error) => {
      told = error.message;
      return true;
    });
    const [, oldKey = ''] = /add "(.+)" to federation\.old_keys/.exec(told) ?? [];
    assert.ok(oldKey.startsWith(`${keyId} `), told);
    const newId = await startOnce(place, { MYELIN_FEDERATION_OLD_KEYS: oldKey });
    assert.notEqual(newId, keyId);
    assert.equal(await startOnce(place), newId, 'the new one is known now');
    renameSync(`${file}.lost`, file);
    await assert.rejects(startOnce(place), new RegExp(`is not the key ${newId}`));
  },
);

onBothEngines('processes on one database sign with one key', async (place) => {
  if (place.engine === 'sqlite') return;
  const first = await startServer(loadConfig({ env: { ...FAST, ...place.env } }));
  const elsewhere = mkdtempSync(join(tmpdir(), 'myelin-other-'));
  const moved = { MYELIN_DATA_DIR: elsewhere };
  await assert.rejects(startOnce(place, moved), /All processes on one database need the same file/);
  copyFileSync(join(place.dataDir, 'signing.key'), join(elsewhere, 'signing.key'));
  await startOnce(place, moved);
  rmSync(elsewhere, { recursive: true });
  await first.close();
});
