import assert from 'node:assert/strict';
import {
  AS_TOKEN,
  startAppservice,
  type TestAppservice,
} from '../../testing/application-services/application-service.ts';
import { Ghost } from '../../testing/application-services/appservice-scene.ts';
import { TestClient, type Json } from '../../testing/client/test-client.ts';
import { onFederation, type TestFederation } from '../../testing/federation/federation.ts';

type MakeGhost = (username: string) => Promise<Ghost>;

/** Declares a test with two servers, the first of which has an application service of the namespace `_irc_`. */
async function withBridgedServer(
  title: string,
  run: (federation: TestFederation, service: TestAppservice, make: MakeGhost) => Promise<void>,
): Promise<void> {
  const service = await startAppservice();
  onFederation(
    title,
    async (federation) => {
      const { a } = federation;
      const make = async (username: string) => {
        const wishes = { type: 'm.login.application_service', username, inhibit_login: true };
        await new TestClient(a.server.url, AS_TOKEN).ok('POST', '/v3/register', wishes);
        return new Ghost(a.server.url, `@${username}:${a.name}`);
      };
      try {
        await run(federation, service, make);
      } finally {
        await service.close();
      }
    },
    {
      engines: ['sqlite'],
      env: (before): Record<string, string> =>
        before.length === 0 ? { MYELIN_APPLICATION_SERVICES_FILES: service.file } : {},
    },
  );
}

await withBridgedServer(
  'an application service is asked for a user whom another server invites',
  async ({ a, b }, service, make) => {
    const bob = await b.person('bob');
    service.answer = async ({ path }) => {
      if (path.includes('/users/')) await make('_irc_dora');
      return [200];
    };
    const room = await bob.createRoom();
    await bob.ok('POST', bob.room(room, '/invite'), { user_id: `@_irc_dora:${a.name}` });
  },
);

await withBridgedServer(
  'users of other servers are in no namespace of an application service',
  async ({ a, b }, service, make) => {
    const alice = await a.person('alice');
    const stranger = await b.person('_irc_stranger');
    const room = await alice.createRoom({ preset: 'public_chat' });
    await stranger.join(room, a.name);
    await stranger.say(room, 'none of the bridge');
    await alice.say(room, 'neither');
    const ghost = await make('_irc_carl');
    const bridged = await ghost.createRoom({ preset: 'public_chat' });
    await ghost.say(bridged, 'of the bridge');
    const isLast = (event: Json) => event.content?.body === 'of the bridge';
    await service.next(({ path, body }) => path.includes('/transactions/') && body.events.some(isLast));
    assert.deepEqual(
      service.events().filter((event: Json) => event.room_id === room),
      [],
    );
  },
);
