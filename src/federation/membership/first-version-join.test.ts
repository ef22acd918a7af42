import assert from 'node:assert/strict';
import { eventIdOf } from '../../protocol/events/event-id.ts';
import type { Pdu } from '../../protocol/events/event.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { roomVersion } from '../../protocol/room-versions.ts';
import { finishPdu } from '../../protocol/signing.ts';
import { onFederation } from '../../testing/federation/federation.ts';
import type { RemoteServer } from '../../testing/federation/remote-server.ts';
import type { Json } from '../../testing/client/test-client.ts';

const VERSION = roomVersion('6');

/** A public room of a remote server, its events in order. */
function roomOf(remote: RemoteServer, roomId: string, creator: string): Pdu[] {
  const events: Pdu[] = [];
  const add = (type: string, stateKey: string, content: JsonObject) => {
    const earlier = events.map((pdu) => eventIdOf(pdu, VERSION));
    const draft = {
      ...{ type, state_key: stateKey, content, room_id: roomId, sender: creator, origin: remote.name },
      ...{ auth_events: earlier, prev_events: earlier.slice(-1), depth: events.length + 1 },
      origin_server_ts: remote.now(),
    };
    events.push(finishPdu(draft as Pdu, VERSION, remote.name, remote.key).pdu);
  };
  add('m.room.create', '', { creator, room_version: VERSION.id });
  add('m.room.member', creator, { membership: 'join' });
  add('m.room.power_levels', '', { users: { [creator]: 100 } });
  add('m.room.join_rules', '', { join_rule: 'public' });
  return events;
}

onFederation(
  'a room is joined by way of a server that knows only the first version of send_join [B104 partial]',
  async ({ a, startRemote }) => {
    const [alice, remote] = [await a.person('alice'), await startRemote()];
    const creator = `@mallory:${remote.name}`;
    const roomId = `!old:${remote.name}`;
    const state = roomOf(remote, roomId, creator);
    const ids = state.map((pdu) => eventIdOf(pdu, VERSION));
    const [create, , levels, rules] = ids;
    const event = {
      auth_events: [create, levels, rules],
      prev_events: ids.slice(-1),
      depth: 5,
    } as JsonObject;
    const asked: string[] = [];
    remote.answer = ({ url }) => {
      if (url.includes('/make_join/')) return { status: 200, body: { room_version: VERSION.id, event } };
      const [, prefix] = /\/(v[12])\/send_join\//.exec(url) ?? [];
      if (prefix === undefined) return undefined;
      asked.push(prefix);
      if (prefix === 'v2') return { status: 404, body: { errcode: 'M_UNRECOGNIZED', error: 'What?' } };
      const answer = { origin: remote.name, state, auth_chain: state };
      return { status: 200, body: [200, answer] as unknown as JsonObject };
    };
    await alice.ok('POST', `/v3/join/${encodeURIComponent(roomId)}?via=${remote.name}`, {});
    assert.deepEqual(asked, ['v2', 'v1']);
    const { joined } = await alice.ok('GET', alice.room(roomId, '/joined_members'));
    assert.deepEqual(Object.keys(joined).sort(), [alice.userId, creator].sort());
    const said = await alice.say(roomId, 'hello');
    await remote.until(() => remote.pdus.find((pdu: Json) => eventIdOf(pdu as Pdu, VERSION) === said));
  },
  { servers: 1 },
);
