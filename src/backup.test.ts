import assert from 'node:assert/strict';
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { backUp } from './backup.ts';
import { loadConfig } from './platform/config/load-config.ts';
import { startServer } from './server.ts';
import { TestClient } from './testing/client/test-client.ts';
import { onBothEngines } from './testing/server/engines.ts';
import { FAST } from './testing/server/test-server.ts';

onBothEngines('a server is copied while it works, and the copy goes on from there', async (place) => {
  const parent = mkdtempSync(join(tmpdir(), 'myelin-backup-'));
  const folder = join(parent, 'nightly', 'backup');
  const config = loadConfig({ env: { ...FAST, ...place.env } });
  const server = await startServer(config);
  const alice = await new TestClient(server.url).register('alice');
  const { room_id } = await alice.ok('POST', '/v3/createRoom', { name: 'before' });
  const { content_uri } = await alice.ok('POST', '/_matrix/media/v3/upload', 'picture of a cat');
  writeFileSync(join(place.dataDir, 'media', 'incoming', 'half'), 'half of a file');
  let isDone = false;
  const copying = backUp(config, folder).finally(() => (isDone = true));
  let sent = 0;
  do {
    sent += 1;
    await alice.ok('PUT', `/v3/rooms/${room_id}/send/m.room.message/${sent}`, {
      msgtype: 'm.text',
      body: 'x',
    });
  } while (!isDone || sent < 20);
  const backup = await copying;
  await server.close();

  assert.equal(backup.media, 1);
  assert.deepEqual(existsSync(`${folder}.unfinished`), false);
  assert.equal(statSync(join(folder, 'signing.key')).mode & 0o77, 0);
  assert.equal(readdirSync(join(folder, 'media')).includes('incoming'), false);
  await assert.rejects(backUp(config, folder), /There is something at .*backup already/);
  if (place.engine === 'sqlite') {
    assert.deepEqual(backup.missing, []);
    const restored = await startServer(
      loadConfig({ env: { ...FAST, ...place.env, MYELIN_DATA_DIR: folder } }),
    );
    const again = new TestClient(restored.url, alice.token);
    assert.equal((await again.ok('GET', `/v3/rooms/${room_id}/state/m.room.name`)).name, 'before');
    const file = content_uri.replace('mxc://', '/v1/media/download/');
    assert.equal(await again.ok('GET', file), 'picture of a cat');
    await restored.close();
  } else {
    assert.match(backup.missing.join(), /pg_dump/);
    assert.deepEqual(readdirSync(folder).sort(), ['media', 'signing.key']);
  }
  rmSync(parent, { recursive: true });
});

onBothEngines('of a server that cannot be copied whole nothing is left behind', async (place) => {
  const parent = mkdtempSync(join(tmpdir(), 'myelin-backup-'));
  const folder = join(parent, 'backup');
  const config = loadConfig({ env: { ...FAST, ...place.env } });
  await (await startServer(config)).close();
  const key = join(place.dataDir, 'signing.key');
  const kept = join(parent, 'signing.key');
  renameSync(key, kept);
  await assert.rejects(backUp(config, folder), /^Error: There is no signing key at .*signing\.key/);
  // What is there and cannot be read, such as on a disk that breaks.
  mkdirSync(key);
  await assert.rejects(backUp(config, folder), /EISDIR|EPERM/);
  assert.deepEqual(readdirSync(parent), ['signing.key']);
  rmSync(key, { recursive: true });
  renameSync(kept, key);
  assert.equal((await backUp(config, folder)).media, 0);
  rmSync(parent, { recursive: true });
});
