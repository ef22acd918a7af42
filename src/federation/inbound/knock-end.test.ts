import assert from 'node:assert/strict';
import type { Pdu } from '../../protocol/events/event.ts';
import { roomVersion } from '../../protocol/room-versions.ts';
import { signPdu } from '../../protocol/signing.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import type { RemoteServer } from '../../testing/federation/remote-server.ts';

onFederation(
  'a knock is ended by the server by which it went, and not by one that has nothing to do with the room',
  async ({ a, startRemote }) => {
    const [resident, stranger] = [await startRemote(), await startRemote()];
    const alice = await a.person('alice');
    const version = roomVersion('10');
    const roomId = '!club:elsewhere.test';
    const event = {
      ...{ type: 'm.room.member', room_id: roomId, sender: alice.userId, state_key: alice.userId },
      ...{ content: { membership: 'knock' }, depth: 5, prev_events: ['$prev'], auth_events: ['$auth'] },
    };
    resident.answer = ({ url }) => {
      if (url.includes('/make_knock/')) return { status: 200, body: { room_version: '10', event } };
      if (url.includes('/send_knock/')) return { status: 200, body: { knock_room_state: [] } };
      return undefined;
    };
    const path = `/v3/knock/${encodeURIComponent(roomId)}?via=${encodeURIComponent(resident.name)}`;
    await alice.ok('POST', path, {});
    const endedBy = async (remote: RemoteServer) => {
      const sent = {
        ...event,
        ...{ sender: `@eve:${remote.name}`, origin_server_ts: Date.now(), content: { membership: 'leave' } },
      };
      const pdu = signPdu(sent as Pdu, version, remote.name, remote.key);
      const body = { origin: remote.name, origin_server_ts: 1, pdus: [pdu] };
      await remote.ask(a.name, 'PUT', '/_matrix/federation/v1/send/1', body);
      return Object.keys((await alice.sync()).rooms?.knock ?? {});
    };
    assert.deepEqual(await endedBy(stranger), [roomId]);
    assert.deepEqual(await endedBy(resident), []);
  },
  { servers: 1 },
);
