import assert from 'node:assert/strict';
import { test } from 'node:test';
import { ENGINES } from '../../testing/server/engines.ts';
import type { Database } from '../database.ts';
import { openDatabase } from '../open-database.ts';
import { DatabaseProxy, type ProxiedConnection } from '../testing/database-proxy.ts';
import { entry, readEntries, record, SCHEMA, withDatabases, type Entry } from '../testing/test-databases.ts';

/** A database whose connections the test can cut, and another process's on the same tables. */
function onProxied(
  title: string,
  run: (parts: { proxy: DatabaseProxy; database: Database; other: Database }) => Promise<void>,
): void {
  if (!ENGINES.includes('postgres')) return;
  void test(title, () =>
    withDatabases('postgres', 1, async ([other], place) => {
      assert.ok(other);
      const proxy = await DatabaseProxy.start(String(place.env.MYELIN_DATABASE_URL));
      const database = await openDatabase({ engine: 'postgres', url: proxy.url }, SCHEMA);
      try {
        await run({ proxy, database, other });
      } finally {
        await database.close();
        proxy.stop();
      }
    }),
  );
}

/** Resolves when a database told of an entry, or of a reset. */
function told(database: Database, of: string): Promise<void> {
  return new Promise((resolve) => {
    database.subscribe((changes) => {
      for (const { topic, data } of changes) {
        if (topic === of || (data as { id?: string } | null)?.id === of) resolve();
      }
    });
  });
}

/** What was told, in its order: IDs of entries, and `reset`. */
function recordAll(database: Database): () => string[] {
  const { changes, ids } = record(database);
  return () => ids().map((id, i) => (changes[i]?.topic === 'reset' ? 'reset' : id));
}

/** Cuts the connection that listens. Gives the one that is made instead, which has read the position and has no answer yet. */
async function beginAgain(proxy: DatabaseProxy): Promise<ProxiedConnection> {
  const asked = new Promise<ProxiedConnection>((resolve) => {
    proxy.onStatement = (connection, text) => {
      if (!connection.listens || !text.includes('FROM stream')) return;
      proxy.onStatement = () => undefined;
      connection.hold();
      resolve(connection);
    };
  });
  proxy.listening[0]?.cut();
  const connection = await asked;
  await connection.holdsAnswer();
  return connection;
}

for (const isTogether of [true, false]) {
  const when = isTogether ? 'with the position' : 'after the position';
  onProxied(`what is committed while listening begins again is told, ${when}`, async (parts) => {
    const { proxy, database, other } = parts;
    const order = recordAll(database);
    const listener = await beginAgain(proxy);
    const theirs = told(other, 'own');
    const reset = told(database, 'reset');
    const committed = database.commit(entry('own'));
    await theirs;
    await other.commit(entry('theirs'));
    if (!isTogether) {
      // The answers to all statements come first, the notices of what was committed later.
      listener.releaseSoFar();
      await reset;
    }
    const last = told(database, 'theirs');
    listener.release();
    await Promise.all([committed, last]);
    assert.deepEqual(order(), ['reset', 'own', 'theirs']);
  });
}

onProxied('one connection listens, also when it was lost twice in a row', async ({ proxy, database }) => {
  const order = recordAll(database);
  const listener = await beginAgain(proxy);
  const reset = told(database, 'reset');
  listener.cut();
  await reset;
  // Nothing tells that no other connection is made.
  await new Promise((resolve) => setTimeout(resolve, 300));
  assert.equal(proxy.listening.length, 1);
  await database.commit(entry('own'));
  assert.deepEqual(order(), ['reset', 'own']);
});

onProxied('what was committed as the connection was lost is answered and told', async (parts) => {
  const { proxy, database, other } = parts;
  const order = recordAll(database);
  await database.commit(entry('before'));
  const sent = new Promise<ProxiedConnection>((resolve) => {
    proxy.onStatement = (connection, text) => {
      if (!text.includes('COMMIT')) return;
      proxy.onStatement = () => undefined;
      connection.hold();
      for (const listener of proxy.listening) listener.hold();
      resolve(connection);
    };
  });
  const theirs = told(other, 'own');
  const committed = database.commit(entry('own'));
  const settled = committed.then(
    () => 'kept',
    () => 'failed',
  );
  const writer = await sent;
  await theirs;
  writer.cut();
  assert.deepEqual(
    (await database.all<Entry>(readEntries)).map(({ id }) => id),
    ['before', 'own'],
  );
  for (const listener of proxy.listening) listener.release();
  assert.equal(await settled, 'kept');
  await database.commit(entry('after'));
  assert.deepEqual(order(), ['before', 'own', 'after']);
});

onProxied('what was not committed as the connection was lost fails, and nothing else', async (parts) => {
  const { proxy, database, other } = parts;
  const order = recordAll(database);
  await database.commit(entry('before'));
  proxy.onStatement = (connection, text) => {
    if (!text.includes('COMMIT')) return;
    proxy.onStatement = () => undefined;
    connection.cut();
  };
  const lost = database.commit(entry('lost'));
  // Takes the very position that the other one would have had.
  await Promise.all([assert.rejects(lost), other.commit(entry('theirs'))]);
  await database.commit(entry('after'));
  assert.deepEqual(order(), ['before', 'theirs', 'after']);
});
