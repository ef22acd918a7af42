import assert from 'node:assert/strict';
import { systemTimers } from '../platform/timers.ts';
import type { ServerName, UserId } from '../protocol/identifiers.ts';
import type { Database, Reader } from '../storage/database.ts';
import * as devicesStore from '../storage/accounts/devices-store.ts';
import { UnitOfWork } from '../storage/unit-of-work.ts';
import * as usersStore from '../storage/accounts/users-store.ts';
import { onBothEngines } from '../testing/server/engines.ts';
import { openPlaceDatabase } from '../testing/server/place-database.ts';
import { MacaroonTokens } from './macaroon-tokens.ts';
import { Appservices } from './application-services/appservices.ts';
import { Sessions } from './sessions.ts';

const alice = '@alice:localhost' as UserId;
const NOBODY = { userId: undefined, deviceId: undefined };
const from = { ip: '192.0.2.1', userAgent: 'a'.repeat(1_000) };

/** The database, with reads of single rows that can be held back after they were made and counted. */
class HeldReads {
  held: Promise<void> | undefined;
  /** Called once a read was made that is held. */
  onRead: () => void = () => undefined;
  reads = 0;

  wrap(database: Database): Database {
    const get = async <Row>(...query: Parameters<Reader['get']>): Promise<Row | undefined> => {
      this.reads += 1;
      const row = await database.get<Row>(...query);
      this.onRead();
      await this.held;
      return row;
    };
    return Object.assign(Object.create(database) as Database, {
      get,
      commit: (unit: UnitOfWork) => database.commit(unit),
      subscribe: (listener: Parameters<Database['subscribe']>[0]) => database.subscribe(listener),
    });
  }
}

function withSessions(
  title: string,
  run: (world: { database: Database; sessions: Sessions; reads: HeldReads; token: string }) => Promise<void>,
): void {
  onBothEngines(title, async (place) => {
    const database = await openPlaceDatabase(place);
    const reads = new HeldReads();
    let made = 0;
    const opaque = (length: number) => String((made += 1)).padStart(length, '0');
    const clock = { now: () => 1_000_000 };
    const sessions = new Sessions({
      database: reads.wrap(database),
      clock,
      timers: systemTimers,
      opaque,
      accessTokenLifetimeMs: 1_000,
      appservices: new Appservices({
        registrations: [],
        database,
        serverName: 'localhost' as ServerName,
        noticesUser: '@_server:localhost' as UserId,
        clock,
      }),
      macaroons: new MacaroonTokens(() => Buffer.from('a secret'), 'localhost' as ServerName, clock),
    });
    try {
      const unit = new UnitOfWork();
      const user = { userId: alice, passwordHash: null, isGuest: false, isAdmin: false, createdAt: 1 };
      usersStore.insert(unit, user);
      const wishes = { userId: alice, deviceId: undefined, displayName: undefined, form: 'lasting' as const };
      const { accessToken: token } = await sessions.open(unit, wishes);
      await database.commit(unit);
      await run({ database, sessions, reads, token });
    } finally {
      await sessions.flush();
      await database.close();
    }
  });
}

withSessions('a known token is not read again', async ({ sessions, reads, token }) => {
  await sessions.authenticate(token, from, NOBODY);
  await sessions.authenticate(token, from, NOBODY);
  assert.equal(reads.reads, 1);
});

withSessions(
  'a token that ends while it is being read is not remembered',
  async ({ database, sessions, reads, token }) => {
    const isRead = Promise.withResolvers<void>();
    const mayGoOn = Promise.withResolvers<void>();
    reads.held = mayGoOn.promise;
    reads.onRead = isRead.resolve;
    const first = sessions.authenticate(token, from, NOBODY);
    await isRead.promise;
    const unit = new UnitOfWork();
    sessions.endAll(unit, alice, undefined);
    await database.commit(unit);
    mayGoOn.resolve();
    await first;
    await assert.rejects(sessions.authenticate(token, from, NOBODY), { errcode: 'M_UNKNOWN_TOKEN' });
  },
);

withSessions('where a device was seen is written down', async ({ database, sessions, token }) => {
  const { deviceId } = await sessions.authenticate(token, from, NOBODY);
  assert.ok(deviceId);
  await sessions.flush();
  const device = await devicesStore.byId(database, alice, deviceId);
  assert.deepEqual(
    [device?.last_seen_at, device?.last_seen_ip, device?.user_agent],
    [1_000_000, '192.0.2.1', 'a'.repeat(255)],
  );
});
