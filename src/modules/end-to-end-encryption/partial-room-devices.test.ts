import assert from 'node:assert/strict';
import type { RoomId, UserId } from '../../protocol/identifiers.ts';
import * as untoldJoinsStore from '../../storage/federation/untold-joins-store.ts';
import { UnitOfWork } from '../../storage/unit-of-work.ts';
import {
  onFederation,
  type FederatingServer,
  type TestFederation,
} from '../../testing/federation/federation.ts';
import { LAZY, whilePartial } from '../../testing/federation/partial-room.ts';
import type { RemoteServer } from '../../testing/federation/remote-server.ts';
import { HeldTimers } from '../../testing/server/held-timers.ts';
import { openPlaceDatabase } from '../../testing/server/place-database.ts';
import { SWEEP_MS } from './device-lists-on-join.ts';
import { bodies, type Json, type TestClient } from '../../testing/client/test-client.ts';

async function uploadKeys(person: TestClient): Promise<void> {
  const { userId, deviceId } = person;
  const keys = {
    user_id: userId,
    device_id: deviceId,
    algorithms: ['m.olm.v1.curve25519-aes-sha2'],
    keys: { [`curve25519:${deviceId}`]: 'key' },
    signatures: { [userId]: { [`ed25519:${deviceId}`]: 'signature' } },
  };
  await person.ok('POST', '/v3/keys/upload', { device_keys: keys });
}

/** What a server was told of somebody's devices. */
function updatesOf(remote: RemoteServer, userId: string): Json[] {
  return remote.edus
    .filter((one) => one.edu_type === 'm.device_list_update' && one.content.user_id === userId)
    .map((one) => one.content);
}

/** Has a server say that it alone is in its rooms. */
function concealOthers({ a }: TestFederation): void {
  const resident = a.server.services.residentMembership;
  const join = resident.join.bind(resident);
  resident.join = async (...sent) => ({ ...(await join(...sent)), servers: [a.name] });
}

onFederation(
  'who joins a room has their devices told to its servers once its members are known [B110 partial]',
  async (federation) => {
    await whilePartial(
      federation,
      async ({ bob, room, remote, complete }) => {
        await bob.say(room.roomId, 'first');
        await remote.until(() => (bodies(remote.pdus).includes('first') ? true : undefined));
        assert.deepEqual(updatesOf(remote, bob.userId), [], 'nobody is told before');
        complete(true);
        const update = await remote.until(() => updatesOf(remote, bob.userId)[0]);
        assert.deepEqual([update.device_id, update.prev_id], [bob.deviceId, []]);
      },
      { before: ({ bob }) => uploadKeys(bob) },
    );
  },
);

/** Notes a join of which nobody was told, as another process would leave it. */
async function noteUntold(server: FederatingServer, userId: UserId, roomId: RoomId): Promise<void> {
  const database = await openPlaceDatabase(server.place);
  const unit = new UnitOfWork();
  untoldJoinsStore.note(unit, userId, roomId);
  await database.commit(unit);
  await database.close();
}

const minutes = new HeldTimers(SWEEP_MS);

onFederation(
  'joins of a room that stays without its members are not looked at each minute, and are told once these are known [B110 partial]',
  async (federation) => {
    const { b } = federation;
    await whilePartial(
      federation,
      async ({ bob, remote, complete }) => {
        const { deviceListsOnJoin } = b.server.services;
        const announce = deviceListsOnJoin.announce.bind(deviceListsOnJoin);
        const zoe = `@zoe:${b.name}` as UserId;
        const looked: string[] = [];
        const swept = Promise.withResolvers<void>();
        deviceListsOnJoin.announce = async (userId, roomId) => {
          looked.push(userId);
          await announce(userId, roomId);
          if ((userId as string) === zoe) swept.resolve();
        };
        // Joins are looked at in the order of users: this one after Bob's.
        await noteUntold(b, zoe, '!other' as RoomId);
        minutes.letGo();
        await swept.promise;
        assert.deepEqual(looked, [zoe as string]);
        complete(true);
        const update = await remote.until(() => updatesOf(remote, bob.userId)[0]);
        assert.equal(update.device_id, bob.deviceId);
        assert.ok(looked.includes(bob.userId));
      },
      { before: ({ bob }) => uploadKeys(bob) },
    );
  },
  { overrides: { timers: minutes } },
);

onFederation(
  'a change of devices reaches all servers of a room, also those that were not named when it was joined [B110 partial]',
  async (federation) => {
    concealOthers(federation);
    await whilePartial(federation, async ({ alice, bob, room, remote, complete }) => {
      const { next_batch: since } = await alice.sync();
      const device = `/v3/devices/${bob.deviceId}`;
      await bob.ok('PUT', device, { display_name: 'renamed' });
      await uploadKeys(bob);
      await alice.syncUntil(since, (body) => (body.device_lists?.changed ?? []).includes(bob.userId));
      assert.deepEqual(updatesOf(remote, bob.userId), []);
      complete(true);
      const update = await remote.until(() => updatesOf(remote, bob.userId)[0]);
      assert.equal(update.device_display_name, 'renamed');
      assert.deepEqual(update.prev_id, [update.stream_id], 'that it missed something is to be seen');
      await bob.ok('GET', bob.room(room.roomId, '/members'));
      await bob.ok('PUT', device, { display_name: 'renamed again' });
      const next = await remote.until(() =>
        updatesOf(remote, bob.userId).find((one) => one.device_display_name === 'renamed again'),
      );
      assert.deepEqual(next.prev_id, [update.stream_id]);
    });
  },
);

onFederation(
  'a change of devices of which nobody was told before a server ended is told by the next [B110 partial]',
  async (federation) => {
    const { b } = federation;
    concealOthers(federation);
    await whilePartial(federation, async ({ bob, remote, complete }) => {
      await bob.ok('PUT', `/v3/devices/${bob.deviceId}`, { display_name: 'renamed' });
      const stopping = b.stop();
      complete(false);
      await stopping;
      await b.start();
      const update = await remote.until(() => updatesOf(remote, bob.userId)[0]);
      assert.equal(update.device_display_name, 'renamed');
    });
  },
);

onFederation(
  'clients are told of changes of devices that came before it was known who is in the room [B110 partial]',
  async ({ a, ...federation }) => {
    const { b } = federation;
    await whilePartial({ a, ...federation }, async ({ bob, room, remote, complete }) => {
      const { next_batch: since } = await bob.sync(LAZY);
      const content = { user_id: room.userId, device_id: 'PHONE', stream_id: 1 };
      await remote.sendEdus(b.name, { edu_type: 'm.device_list_update', content });
      complete(true);
      await bob.syncUntil(since, (body) => (body.device_lists?.changed ?? []).includes(room.userId), LAZY);
    });
  },
);
