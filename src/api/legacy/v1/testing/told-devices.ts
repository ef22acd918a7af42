import { v1People, type V1Client } from '../../../../testing/client/v1-client.ts';
import { PushGateway } from '../../../../testing/gateways/push-gateway.ts';
import { onServers, type TestServer } from '../../../../testing/server/test-server.ts';

/** What is told to the devices of Bob. */
export interface Scene {
  readonly alice: V1Client;
  readonly bob: V1Client;
  /** Somebody who is in no room. */
  readonly carol: V1Client;
  readonly room: string;
  /** Gateways of Bob's phone and of his desk, which are profile tags, too. */
  readonly phone: PushGateway;
  readonly desk: PushGateway;
  /** Sets a pusher of a person at a gateway. */
  push(person: V1Client, gateway: PushGateway, more?: object): Promise<void>;
}

/** Declares a test with a person who says things, and one who has them pushed to two devices. */
export function onDevices(
  title: string,
  run: (scene: Scene) => Promise<void>,
  env: Record<string, string> = {},
) {
  const scene = async (server: TestServer) => {
    const [phone, desk] = [await PushGateway.start(), await PushGateway.start()];
    for (const gateway of [phone, desk]) server.server.services.plainGateways.add(gateway.name);
    try {
      const [alice, bob, carol] = await v1People(server, 'alice', 'bob', 'carol');
      const room = await alice.createRoom({ preset: 'public_chat' });
      await bob.join(room);
      const push = async (person: V1Client, gateway: PushGateway, more: object = {}) => {
        const tag = gateway === phone ? 'phone' : 'desk';
        await person.ok('POST', '/pushers/set', {
          ...{ kind: 'http', app_id: 'org.example', pushkey: tag, lang: 'en', append: false },
          ...{ app_display_name: 'App', device_display_name: tag, profile_tag: tag },
          data: { url: `http://${gateway.name}/tell` },
          ...more,
        });
      };
      await push(bob, phone);
      await push(bob, desk);
      await run({ alice, bob, carol, room, phone, desk, push });
    } finally {
      phone.close();
      desk.close();
    }
  };
  onServers(title, scene, { env: { MYELIN_OUTGOING_ALLOWED_RANGES: '127.0.0.0/8', ...env } });
}

/** With which sound a gateway was told of each event, once it was told of the last; those it was not told of are left out. */
export async function sounds(gateway: PushGateway, last: string): Promise<Map<string, string>> {
  await gateway.until(() => gateway.eventIds.includes(last));
  return new Map(
    gateway.taken.map(({ event_id: id, devices }): [string, string] => [
      id,
      devices[0].tweaks.sound ?? 'none',
    ]),
  );
}

/** A rule that notifies with a sound. */
export const sounding = (value: string, more: object = {}) => ({
  actions: ['notify', { set_tweak: 'sound', value }],
  ...more,
});

/** A condition on a field of the event. */
export const match = (key: string, pattern: string) => ({ kind: 'event_match', key, pattern });
