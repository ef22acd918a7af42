import assert from 'node:assert/strict';
import { authTypesFor } from '../../protocol/auth/auth-types.ts';
import { stateKeyOf } from '../../protocol/events/event.ts';
import type { Json } from '../../testing/client/test-client.ts';
import { onFederation, type TestFederation } from '../../testing/federation/federation.ts';
import { roomWithGuest, type RoomWithGuest } from '../../testing/federation/room-with-guest.ts';

const part = encodeURIComponent;

/** A room that all have left who are known here, and that Eve is in, who joined by her server unheard, and invites Alice. */
async function invitedByEve(federation: TestFederation): Promise<RoomWithGuest & { eve: string }> {
  const scene = await roomWithGuest(federation, { room_version: '10', guestPower: 100 });
  const { a, alice, roomId, room, remote } = scene;
  const eve = `@eve:${remote.name}`;
  const member = (userId: string, membership: string, sender = userId) =>
    room.next({ type: 'm.room.member', stateKey: userId, sender, content: { membership } });
  const before = { latest: room.latest, depth: room.depth };
  const join = member(eve, 'join');
  Object.assign(room, before);
  assert.deepEqual(await room.send(member(room.userId, 'leave')), [undefined]);
  await alice.ok('POST', alice.room(roomId, '/leave'), {});
  room.latest = [...room.latest, join.eventId];
  const { pdu, eventId } = member(alice.userId, 'invite', eve);
  const uri = `/_matrix/federation/v2/invite/${part(roomId)}/${part(eventId)}`;
  const body = { event: pdu, room_version: '10', invite_room_state: [] };
  const answer = await remote.ask(a.name, 'PUT', uri, body as unknown as Json);
  assert.equal(answer.status, 200, JSON.stringify(answer.body));
  return { ...scene, eve };
}

/** Lets Eve's server answer who joins or leaves. */
function letIn({ alice, room, remote }: RoomWithGuest): void {
  remote.answer = ({ url }) => {
    const [, step, membership] = /\/(make|send)_(join|leave)\//.exec(url) ?? [];
    if (step === undefined || membership === undefined) return undefined;
    if (step === 'send' && membership === 'leave') return { status: 200, body: {} };
    const state = [...room.state.values()].map(({ pdu }) => pdu as Json);
    if (step === 'send') return { status: 200, body: { origin: remote.name, state, auth_chain: state } };
    const draft = { type: 'm.room.member', stateKey: alice.userId, sender: alice.userId };
    const needed = authTypesFor(room.version, { ...draft, content: { membership } });
    const auth = needed.flatMap((key) => room.state.get(stateKeyOf(...key))?.eventId ?? []);
    const event = { auth_events: auth, prev_events: room.latest, depth: room.depth + 1 };
    return { status: 200, body: { room_version: '10', event } };
  };
}

onFederation(
  'who is invited into a room that all who are known here have left is told, and joins by way of who invites',
  async (federation) => {
    const scene = await invitedByEve(federation);
    const { alice, eve, roomId, remote } = scene;
    assert.ok((await alice.sync()).rooms?.invite?.[roomId], 'she is told');
    letIn(scene);
    await alice.join(roomId);
    assert.ok(remote.seen.some(({ url }) => url.includes('/send_join/')));
    const { joined } = await alice.ok('GET', alice.room(roomId, '/joined_members'));
    assert.deepEqual(Object.keys(joined).sort(), [alice.userId, eve].sort());
    await alice.say(roomId, 'hello');
    await remote.until(() => remote.pdus.find(({ content }) => content.body === 'hello'));
  },
  { servers: 1 },
);

onFederation(
  'an invite into a room that all who are known here have left is declined by way of who invites',
  async (federation) => {
    const scene = await invitedByEve(federation);
    const { alice, roomId, remote } = scene;
    letIn(scene);
    await alice.ok('POST', alice.room(roomId, '/leave'), {});
    assert.ok(remote.seen.some(({ url }) => url.includes('/send_leave/')));
    assert.equal((await alice.sync()).rooms?.invite?.[roomId], undefined);
  },
  { servers: 1 },
);
