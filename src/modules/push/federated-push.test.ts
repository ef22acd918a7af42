import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation/federation.ts';
import { TestClient } from '../../testing/client/test-client.ts';
import { PushGateway } from '../../testing/gateways/push-gateway.ts';
import { LEASE_MS } from './push-dispatch.ts';

onFederation(
  'what comes from other servers is told of, counted and listed: invites, then messages [B061 partial] [B133 partial]',
  async ({ a, b }) => {
    const gateway = await PushGateway.start();
    try {
      b.server.services.plainGateways.add(gateway.name);
      const [alice, bob] = [await a.person('alice'), await b.person('bob')];
      await bob.ok('POST', '/v3/pushers/set', {
        ...{ kind: 'http', app_id: 'org.example.app', pushkey: 'key', lang: 'en' },
        ...{ app_display_name: 'App', device_display_name: 'Phone', data: { url: gateway.url } },
      });
      const room = await alice.createRoom({ name: 'Elsewhere', invite: [bob.userId] });
      await gateway.until(() => gateway.taken.length === 1);
      const [invite] = gateway.taken;
      assert.deepEqual(
        [invite.room_id, invite.room_name, invite.sender, invite.user_is_target],
        [room, 'Elsewhere', alice.userId, true],
      );
      const { notifications } = await bob.ok('GET', '/v3/notifications');
      assert.equal(notifications[0].event.event_id, invite.event_id);
      await bob.join(room);
      const eventId = await alice.say(room, 'hello');
      await gateway.until(() => gateway.eventIds.includes(eventId));
      assert.deepEqual(gateway.taken.at(-1).counts, { unread: 1 });
      const shown = (await bob.sync()).rooms.join[room];
      assert.equal(shown.unread_notifications.notification_count, 1);
      await bob.ok('POST', bob.room(room, `/receipt/m.read/${encodeURIComponent(eventId)}`), {});
      await gateway.until(() => gateway.taken.at(-1).event_id === undefined);
      assert.deepEqual(gateway.taken.at(-1).counts, { unread: 0 });
    } finally {
      gateway.close();
    }
  },
);

let skewMs = 0;

onFederation(
  'an invite is told of that came while the process was dead that reads the log for pushers [B061 partial] [B133 partial]',
  async ({ a, b }) => {
    const gateway = await PushGateway.start();
    try {
      const [alice, bob] = [await a.person('alice'), await b.person('bob')];
      const dying = await b.startProcess();
      await b.stop();
      const pusher = (url: string) => ({
        ...{ kind: 'http', app_id: 'org.example.app', pushkey: 'key', lang: 'en' },
        ...{ app_display_name: 'App', device_display_name: 'Phone', data: { url } },
      });
      const anyUrl = 'https://push.example.org/_matrix/push/v1/notify';
      await new TestClient(dying.url, bob.token).ok('POST', '/v3/pushers/set', pusher(anyUrl));
      await b.start();
      b.server.services.plainGateways.add(gateway.name);
      const there = b.client(bob.token);
      await there.ok('POST', '/v3/pushers/set', pusher(gateway.url));
      await dying.kill();
      const { next_batch: since } = await there.sync();
      const room = await alice.createRoom({ name: 'Elsewhere', invite: [bob.userId] });
      await there.syncUntil(since, (body) => body.rooms?.invite?.[room] !== undefined);
      skewMs = LEASE_MS;
      await gateway.until(() => gateway.taken.length === 1);
      assert.equal(gateway.taken[0].room_id, room);
    } finally {
      gateway.close();
    }
  },
  { engines: ['postgres'], overrides: { clock: { now: () => Date.now() + skewMs } } },
);
