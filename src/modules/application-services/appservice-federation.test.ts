import assert from 'node:assert/strict';
import type { Pdu } from '../../protocol/events/event.ts';
import { roomVersion } from '../../protocol/room-versions.ts';
import { finishPdu } from '../../protocol/signing.ts';
import {
  AS_TOKEN,
  startAppservice,
  type Received,
  type TestAppservice,
} from '../../testing/application-services/application-service.ts';
import { Ghost } from '../../testing/application-services/appservice-scene.ts';
import { TestClient, type Json } from '../../testing/client/test-client.ts';
import { ENGINES } from '../../testing/server/engines.ts';
import { onFederation, type TestFederation } from '../../testing/federation/federation.ts';
import { putIntoRoom } from '../../testing/federation/put-into-room.ts';
import { edu } from '../../testing/federation/remote-room-mate.ts';

type MakeGhost = (username: string) => Promise<Ghost>;

/** Declares a test with two servers, the first of which has an application service of the namespace `_irc_`. */
async function withBridgedServer(
  title: string,
  run: (federation: TestFederation, service: TestAppservice, make: MakeGhost) => Promise<void>,
): Promise<void> {
  for (const engine of ENGINES) {
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
        engines: [engine],
        env: (before): Record<string, string> =>
          before.length === 0 ? { MYELIN_APPLICATION_SERVICES_FILES: service.file } : {},
      },
    );
  }
}

/** Whether a transaction has an event like that. */
const tells = (holds: (event: Json) => boolean) => (request: Received) =>
  request.path.includes('/transactions/') && (request.body.events as Json[]).some(holds);

/** What events say: their text or their membership. */
const essence = ({ content }: Json): string => content.body ?? content.membership;

await withBridgedServer(
  'an application service is told of invites from other servers, once and in order, also after a restart',
  async ({ a, b }, service, make) => {
    const bob = await b.person('bob');
    const alice = await a.person('alice');
    const carl = await make('_irc_carl');
    const dora = await make('_irc_dora');
    const bridged = await alice.createRoom({ preset: 'public_chat' });
    await carl.join(bridged);
    const room = await bob.createRoom({ name: 'a new room' });
    const invite = (user_id: string) => bob.ok('POST', bob.room(room, '/invite'), { user_id });
    await alice.say(bridged, 'before');
    await invite(carl.userId);
    await alice.say(bridged, 'after');
    await service.next(tells(({ content }) => content.body === 'after'));
    assert.deepEqual(service.events().map(essence).slice(-3), ['before', 'invite', 'after']);

    service.answer = ({ path }) => (path.includes('/transactions/') ? [500] : [200]);
    await alice.say(bridged, 'not taken');
    await service.next(tells(({ content }) => content.body === 'not taken'));
    await invite(dora.userId);
    await a.stop();
    service.answer = () => [200];
    await a.start();
    const ofDora = (membership: string) =>
      tells((event) => event.state_key === dora.userId && event.content.membership === membership);
    await service.next(ofDora('invite'));
    await bob.ok('POST', bob.room(room, '/kick'), { user_id: dora.userId, reason: 'by mistake' });
    await service.next(ofDora('leave'));
    await a.client(alice.token).say(bridged, 'at last');
    await service.next(tells(({ content }) => content.body === 'at last'));
    const told = service.events().map(essence);
    assert.deepEqual(told.slice(told.indexOf('before')), [
      ...['before', 'invite', 'after'],
      ...['not taken', 'invite', 'leave', 'at last'],
    ]);
    const ofRoom = service.events().filter((event) => event.room_id === room);
    assert.deepEqual(
      ofRoom.map((event) => event.state_key),
      [carl.userId, dora.userId, dora.userId],
    );
  },
);

await withBridgedServer(
  'an invite that another server sends once more is told to an application service once',
  async ({ a, startRemote }, service, make) => {
    const carl = await make('_irc_carl');
    const remote = await startRemote();
    const roomId = `!room:${remote.name}`;
    const unsigned = {
      ...{ type: 'm.room.member', sender: `@bob:${remote.name}`, state_key: carl.userId },
      ...{ room_id: roomId, content: { membership: 'invite' } },
      ...{ origin_server_ts: Date.now(), depth: 5, prev_events: ['$prev'], auth_events: ['$auth'] },
    };
    const { pdu, eventId } = finishPdu(unsigned as Pdu, roomVersion('10'), remote.name, remote.key);
    const uri = `/_matrix/federation/v2/invite/${encodeURIComponent(roomId)}/${encodeURIComponent(eventId)}`;
    const body = { room_version: '10', event: pdu, invite_room_state: [] };
    const send = async () => assert.equal((await remote.ask(a.name, 'PUT', uri, body)).status, 200);
    await send();
    await service.next(tells((event) => event.event_id === eventId));
    await send();
    const own = await carl.createRoom();
    await carl.say(own, 'afterwards');
    await service.next(tells(({ content }) => content.body === 'afterwards'));
    assert.equal(service.events().filter((event) => event.event_id === eventId).length, 1);
  },
);

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

await withBridgedServer(
  'other servers keep the name of a device that an application service sets again without one',
  async ({ a, startRemote }, _service, make) => {
    const remote = await startRemote();
    const made = await make('_irc_carl');
    await putIntoRoom(a, `@bob:${remote.name}`, await made.createRoom({}));
    const carl = new Ghost(a.server.url, made.userId);
    await carl.ask('PUT', '/v3/devices/BRIDGE', { display_name: 'Bridge' });
    const onDevice = new Ghost(carl.base, carl.userId, 'BRIDGE');
    await onDevice.ok('POST', '/v3/keys/upload', {
      device_keys: {
        ...{ user_id: carl.userId, device_id: 'BRIDGE', algorithms: [] },
        keys: { 'ed25519:BRIDGE': 'key' },
        signatures: {},
      },
    });
    const told = (after: number) =>
      edu(remote, 'm.device_list_update', ({ keys, stream_id: id }) => keys !== undefined && id > after);
    const first = await told(0);
    await carl.ok('PUT', '/v3/devices/BRIDGE', {});
    const second = await told(first.stream_id);
    assert.deepEqual([first.device_display_name, second.device_display_name], ['Bridge', 'Bridge']);
  },
);
