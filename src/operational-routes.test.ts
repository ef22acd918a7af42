import assert from 'node:assert/strict';
import { pino } from 'pino';
import { loadConfig } from './platform/config/load-config.ts';
import { buildServer } from './server.ts';
import type { Database } from './storage/database.ts';
import { onBothEngines } from './testing/server/engines.ts';
import { openPlaceDatabase } from './testing/server/place-database.ts';
import { FAST } from './testing/server/test-server.ts';

/** What becomes of what is asked of a database: done, refused, or never answered. */
type Mood = 'well' | 'refuses' | 'silent';

/** A database whose reads and writes fail as the test says. */
function moody(database: Database, moods: { get: Mood; commit: Mood }): Database {
  return new Proxy(database, {
    get(target, name: keyof Database) {
      const mood = name === 'get' || name === 'commit' ? moods[name] : 'well';
      if (mood === 'refuses') return () => Promise.reject(new Error('The disk is full'));
      if (mood === 'silent') return () => new Promise(() => undefined);
      const found: unknown = target[name];
      return typeof found === 'function' ? (found.bind(target) as unknown) : found;
    },
  });
}

onBothEngines('health says what of the database fails, until it works again', async (place) => {
  const moods: { get: Mood; commit: Mood } = { get: 'well', commit: 'well' };
  const database = await openPlaceDatabase(place);
  const log = pino({ level: 'silent' });
  const config = loadConfig({ env: { ...FAST, ...place.env } });
  const { app, foundations, homeserver, stopping } = await buildServer(moody(database, moods), config, {
    log,
  });
  const url = await app.listen({ host: '127.0.0.1', port: 0 });
  const health = async () => {
    const answer = await fetch(`${url}/health`);
    return [answer.status, await answer.json()];
  };
  const register = async () => {
    const auth = { type: 'm.login.dummy' };
    const body = JSON.stringify({ username: crypto.randomUUID(), password: 'a good password', auth });
    return (await fetch(`${url}/_matrix/client/v3/register`, { method: 'POST', body })).status;
  };
  const well = [200, { status: 'ok' }];
  assert.deepEqual(await health(), well);
  for (const mood of ['refuses', 'silent'] as const) {
    moods.get = mood;
    assert.deepEqual(await health(), [503, { status: 'failing', failing: 'database: reading' }]);
  }
  moods.get = 'well';
  assert.deepEqual(await health(), well);
  moods.commit = 'refuses';
  assert.deepEqual(await health(), well, 'nobody wrote');
  assert.equal(await register(), 500);
  assert.deepEqual(await health(), [503, { status: 'failing', failing: 'database: writing' }]);
  moods.commit = 'well';
  assert.deepEqual(await health(), well);
  stopping.abort();
  await app.close();
  await homeserver?.stop();
  await foundations.close();
  await database.close();
});
