import { onFederation } from '../../testing/federation/federation.ts';
import { PushGateway } from '../../testing/gateways/push-gateway.ts';
import { LEASE_MS } from './push-dispatch.ts';

let skewMs = 0;

onFederation(
  'what was read while the process was dead that reads the log for pushers is told of [B061 partial] [B133 partial]',
  async ({ a }) => {
    const gateway = await PushGateway.start();
    try {
      const [alice, bob] = [await a.person('alice'), await a.person('bob')];
      const room = await alice.createRoom({ preset: 'public_chat' });
      await bob.join(room);
      a.server.services.plainGateways.add(gateway.name);
      await bob.ok('POST', '/v3/pushers/set', {
        ...{ kind: 'http', app_id: 'org.example.app', pushkey: 'key', lang: 'en' },
        ...{ app_display_name: 'App', device_display_name: 'Phone', data: { url: gateway.url } },
      });
      const event = await alice.say(room, 'unread');
      await gateway.until(() => gateway.taken.length === 1);
      const dying = await a.startProcess();
      await a.stop();
      await a.start();
      a.server.services.plainGateways.add(gateway.name);
      await dying.kill();
      const there = a.client(bob.token);
      await there.ok('POST', there.room(room, `/receipt/m.read/${event}`), {});
      skewMs = LEASE_MS;
      const isNothingUnread = () => (gateway.taken.at(-1)?.counts?.unread ?? 0) === 0;
      await gateway.until(() => gateway.taken.length === 2 && isNothingUnread());
    } finally {
      gateway.close();
    }
  },
  { engines: ['postgres'], overrides: { clock: { now: () => Date.now() + skewMs } } },
);
