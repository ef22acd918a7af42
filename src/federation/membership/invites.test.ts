import assert from 'node:assert/strict';
import { stateKeyOf, type Pdu } from '../../protocol/events/event.ts';
import { eventIdOf, roomIdOfCreate } from '../../protocol/events/event-id.ts';
import type { JsonObject } from '../../protocol/json.ts';
import { roomVersion } from '../../protocol/room-versions.ts';
import { finishPdu, signPdu } from '../../protocol/signing.ts';
import { onFederation, type FederatingServer } from '../../testing/federation/federation.ts';
import { RemoteRoom } from '../../testing/federation/remote-room.ts';
import type { RemoteServer } from '../../testing/federation/remote-server.ts';
import { type Answered } from '../../testing/federation/remote-server.ts';
import type { Json, TestClient } from '../../testing/client/test-client.ts';

const part = encodeURIComponent;

interface Scene {
  readonly a: FederatingServer;
  readonly alice: TestClient;
  readonly remote: RemoteServer;
  /** A user of the remote server. */
  readonly bob: string;
}

/** Declares a test with Alice here, and a server that does by hand what the test says. */
function withRemote(title: string, run: (scene: Scene) => Promise<void>): void {
  onFederation(
    title,
    async ({ a, startRemote }) => {
      const remote = await startRemote();
      await run({ a, alice: await a.person('alice'), remote, bob: `@bob:${remote.name}` });
    },
    { servers: 1 },
  );
}

withRemote(
  'an invite goes to the server of the one invited, with whole events of the room, and comes back signed by it [B106] [A108]',
  async ({ a, alice, remote, bob }) => {
    for (const id of ['10', '12']) {
      const version = roomVersion(id);
      const room = await alice.createRoom({
        ...{ preset: 'public_chat', room_version: id, name: 'Here', topic: 'Things' },
      });
      remote.answer = ({ url, body }) =>
        url.includes('/v2/invite/')
          ? { status: 200, body: { event: signPdu(body.event, version, remote.name, remote.key) } }
          : undefined;
      await alice.ok('POST', alice.room(room, '/invite'), { user_id: bob, reason: 'come' });
      const asked = remote.seen.filter(({ url }) => url.includes('/invite/')).at(-1);
      const { event, room_version: told, invite_room_state: state } = asked?.body as Json;
      assert.equal(told, id);
      assert.equal(
        asked?.url,
        `/_matrix/federation/v2/invite/${part(room)}/${part(eventIdOf(event, version))}`,
      );
      assert.deepEqual(event.content.membership, 'invite');
      const types = (state as Json[]).map(({ type }) => type).sort();
      assert.deepEqual(types, [
        ...['m.room.create', 'm.room.join_rules', 'm.room.member', 'm.room.name', 'm.room.topic'],
      ]);
      for (const pdu of state as Json[]) {
        assert.deepEqual(Object.keys(pdu.signatures), [a.name], 'it is a whole event');
        assert.equal(typeof pdu.hashes.sha256, 'string');
      }
      const seen = await RemoteRoom.join(remote, a.name, room);
      const member = seen.state.get(stateKeyOf('m.room.member', bob))?.pdu as Json;
      assert.equal(member.content.reason, 'come');
      assert.deepEqual(Object.keys(member.signatures as object).sort(), [a.name, remote.name].sort());
    }
  },
);

withRemote(
  'the server of one whom the first state of a room invites is asked, too, and does not undo the room [B106 partial]',
  async ({ alice, remote, bob }) => {
    const content = { membership: 'invite', reason: 'come' };
    const wishes = {
      room_version: '10',
      initial_state: [{ type: 'm.room.member', state_key: bob, content }],
    };
    const memberIn = async (room: string) =>
      alice.ask('GET', alice.room(room, `/state/m.room.member/${bob}`));
    const refusal = { errcode: 'M_INVITE_BLOCKED', error: 'No' };
    remote.answer = ({ url }) => (url.includes('/invite/') ? { status: 403, body: refusal } : undefined);
    assert.equal((await memberIn(await alice.createRoom(wishes))).status, 404);
    remote.answer = ({ url, body }) => {
      const sign = () => signPdu(body.event, roomVersion('10'), remote.name, remote.key);
      return url.includes('/v2/invite/') ? { status: 200, body: { event: sign() } } : undefined;
    };
    assert.deepEqual((await memberIn(await alice.createRoom(wishes))).body, content);
    assert.equal(remote.seen.filter(({ url }) => url.includes('/v2/invite/')).length, 2);
  },
);

withRemote(
  'what the server of the one invited has against it is told, and nobody is invited then [B106]',
  async ({ alice, remote, bob }) => {
    const room = await alice.createRoom({ room_version: '10' });
    const asked = () => remote.seen.filter(({ url }) => url.includes('/invite/')).length;
    const answers: [number, JsonObject, number, string][] = [
      [403, { errcode: 'M_INVITE_BLOCKED' }, 403, 'M_INVITE_BLOCKED'],
      [403, { errcode: 'M_FORBIDDEN' }, 403, 'M_FORBIDDEN'],
      [
        400,
        { errcode: 'M_INCOMPATIBLE_ROOM_VERSION', room_version: '10' },
        400,
        'M_INCOMPATIBLE_ROOM_VERSION',
      ],
      // That the form is wrong is between the two servers.
      [400, { errcode: 'M_INVALID_PARAM' }, 502, 'M_UNKNOWN'],
      [400, { errcode: 'M_MISSING_PARAM' }, 502, 'M_UNKNOWN'],
      [200, {}, 502, 'M_UNKNOWN'],
    ];
    for (const [status, body, expected, errcode] of answers) {
      const before = asked();
      remote.answer = ({ url }) => (url.includes('/invite/') ? { status, body } : undefined);
      await alice.fails(expected, errcode, 'POST', alice.room(room, '/invite'), { user_id: bob });
      assert.equal(asked(), before + 1, 'rooms of this version cannot be told of by version 1');
    }
    remote.answer = ({ url, body }) =>
      url.includes('/invite/') ? { status: 200, body: { event: body.event } } : undefined;
    await alice.fails(502, 'M_UNKNOWN', 'POST', alice.room(room, '/invite'), { user_id: bob });
    await alice.fails(404, 'M_NOT_FOUND', 'GET', alice.room(room, `/state/m.room.member/${bob}`));
  },
);

withRemote(
  'servers that know only the first version of invites are asked that way, in rooms of versions 1 and 2 [B106]',
  async ({ alice, remote, bob }) => {
    const refusals: Answered[] = [
      { status: 404, body: { errcode: 'M_UNRECOGNIZED' } },
      { status: 400, body: { errcode: 'M_BAD_JSON' } },
    ];
    for (const [i, refusal] of refusals.entries()) {
      const version = roomVersion(String(i + 1));
      const room = await alice.createRoom({ room_version: version.id, name: 'Old' });
      const told: Json[] = [];
      remote.answer = ({ url, body }) => {
        if (url.includes('/v2/invite/')) return refusal;
        if (!url.includes('/v1/invite/')) return undefined;
        told.push(body.unsigned);
        const answer = [200, { event: signPdu(body, version, remote.name, remote.key) }];
        return { status: 200, body: answer as unknown as JsonObject };
      };
      await alice.ok('POST', alice.room(room, '/invite'), { user_id: bob });
      const types = (told[0].invite_room_state as Json[]).map(({ type }) => type);
      assert.ok(types.includes('m.room.create') && types.includes('m.room.name'));
      const member = await alice.ok('GET', alice.room(room, `/state/m.room.member/${bob}`));
      assert.equal(member.membership, 'invite');
    }
  },
);

/** An invite of a user here, as the remote server makes it in a room of its own. */
function inviteOf(
  { remote, bob, alice }: Scene,
  id: string,
  change: JsonObject = {},
): { roomId: string; eventId: string; pdu: Pdu; create: Pdu } {
  const version = roomVersion(id);
  const finish = (draft: JsonObject) => finishPdu(draft as Pdu, version, remote.name, remote.key);
  const more = (name: string) =>
    version.eventIdFormat === 'server-chosen' ? { event_id: `$${name}${remote.newId()}:${remote.name}` } : {};
  const base = {
    depth: 1,
    origin: remote.name,
    origin_server_ts: remote.now(),
    sender: bob,
    auth_events: [],
    prev_events: [],
  };
  const chosen = `!${remote.newId()}:${remote.name}`;
  const { pdu: create } = finish({
    ...{ ...base, ...more('create'), type: 'm.room.create', state_key: '' },
    content: { room_version: id, ...(Number(id) < 11 ? { creator: bob } : {}) },
    ...(version.roomIdIsCreateHash ? {} : { room_id: chosen }),
  });
  const roomId = version.roomIdIsCreateHash ? roomIdOfCreate(create, version) : chosen;
  const { pdu, eventId } = finish({
    ...{ ...base, ...more('invite'), type: 'm.room.member', state_key: alice.userId, room_id: roomId },
    content: { membership: 'invite' },
    ...change,
  });
  return { roomId, eventId, pdu, create };
}

/** Sends an invite by the second version. */
async function sent(
  { a, remote }: Scene,
  invite: { roomId: string; eventId: string },
  body: JsonObject,
): Promise<{ status: number; body: Json }> {
  const path = `/_matrix/federation/v2/invite/${part(invite.roomId)}/${part(invite.eventId)}`;
  return remote.ask(a.name, 'PUT', path, body);
}

withRemote(
  'an invite is signed and shown to the one invited, by both versions, with whole events or their essence [B106]',
  async (scene) => {
    const { a, alice, remote, bob } = scene;
    const name = { type: 'm.room.name', state_key: '', sender: bob, content: { name: 'Far' } };
    const isShown = async (roomId: string) => {
      const body = await alice.syncUntil(undefined, (answer) => answer.rooms?.invite?.[roomId] !== undefined);
      return (body.rooms.invite[roomId].invite_state.events as Json[]).map(({ type }) => type);
    };
    for (const [id, isStripped] of [['2'], ['6'], ['11'], ['12'], ['12', true]] as const) {
      const invite = inviteOf(scene, id);
      const { create, pdu } = invite;
      const { type, sender, content, state_key } = create as Json;
      const first = isStripped ? { type, sender, content, state_key } : create;
      const state = id === '12' ? [first] : [create, name];
      const answer = await sent(scene, invite, { event: pdu, room_version: id, invite_room_state: state });
      assert.equal(answer.status, 200, JSON.stringify(answer.body));
      const { signatures, ...rest } = answer.body.event;
      assert.deepEqual(Object.keys(signatures).sort(), [a.name, remote.name].sort());
      const { signatures: own, ...before } = pdu as Json;
      assert.deepEqual(rest, before, 'nothing else is touched');
      assert.deepEqual(signatures[remote.name], own[remote.name]);
      assert.deepEqual(await isShown(invite.roomId), [...state.map(({ type }) => type), 'm.room.member']);
    }
    const old = inviteOf(scene, '1');
    const body = { ...old.pdu, unsigned: { invite_room_state: [name] } } as JsonObject;
    const path = `/_matrix/federation/v1/invite/${part(old.roomId)}/${part(old.eventId)}`;
    const { status, body: answer } = await remote.ask(a.name, 'PUT', path, body);
    assert.deepEqual([status, answer[0]], [200, 200]);
    assert.deepEqual(Object.keys(answer[1].event.signatures).sort(), [a.name, remote.name].sort());
    assert.deepEqual(await isShown(old.roomId), ['m.room.name', 'm.room.member']);
    const newer = inviteOf(scene, '6');
    const wrong = `/_matrix/federation/v1/invite/${part(newer.roomId)}/${part(newer.eventId)}`;
    assert.equal((await remote.ask(a.name, 'PUT', wrong, newer.pdu)).status, 400, 'not of version 1 or 2');
  },
);

withRemote('what is no invite is not signed, and the error says why [B106]', async (scene) => {
  const { alice, bob, remote } = scene;
  const refusal = async (
    change: JsonObject,
    { id = '10', more = {} }: { id?: string; more?: JsonObject } = {},
  ): Promise<unknown[]> => {
    const invite = inviteOf(scene, id, change);
    const { status, body } = await sent(scene, invite, {
      ...{ event: invite.pdu, room_version: id, invite_room_state: [invite.create] },
      ...more,
    });
    return [status, body.errcode];
  };
  const invalid = [400, 'M_INVALID_PARAM'];
  assert.deepEqual(await refusal({ type: 'm.room.name' }), invalid);
  assert.deepEqual(await refusal({ content: { membership: 'join' } }), invalid);
  assert.deepEqual(await refusal({ sender: '@eve:other.test' }), invalid);
  assert.deepEqual(await refusal({ state_key: '@eve:other.test' }), invalid);
  assert.deepEqual(await refusal({ state_key: bob }), invalid);
  assert.deepEqual(await refusal({ room_id: `!other:${remote.name}` }), invalid);
  const forged = {
    ...inviteOf(scene, '10').pdu,
    signatures: { [remote.name]: { 'ed25519:remote': 'AAAA' } },
  };
  assert.deepEqual(await refusal({}, { more: { event: forged } }), invalid);
  const nobody = alice.userId.replace('@alice', '@nobody');
  assert.deepEqual(await refusal({ state_key: nobody }), [404, 'M_NOT_FOUND']);
  const unknown = await refusal({}, { more: { room_version: 'org.example.new' } });
  assert.deepEqual(unknown, [400, 'M_INCOMPATIBLE_ROOM_VERSION']);

  const { create: foreign } = inviteOf(scene, '12');
  const stripped = { type: 'm.room.create', state_key: '', sender: bob, content: { room_version: '12' } };
  for (const state of [[], [foreign], [stripped, foreign]]) {
    const more = { invite_room_state: state as JsonObject[] };
    assert.deepEqual(await refusal({}, { id: '12', more }), invalid);
  }
  const config = `/v3/user/${part(alice.userId)}/account_data/m.invite_permission_config`;
  await alice.ok('PUT', config, { default_action: 'block' });
  assert.deepEqual(await refusal({}), [403, 'M_INVITE_BLOCKED']);
  assert.equal((await alice.sync()).rooms?.invite, undefined);
});

withRemote(
  'an invite is declined by way of its server, also where that knows only the first version of it [B106] [B107]',
  async (scene) => {
    const { alice, remote } = scene;
    const { next_batch: since } = await alice.sync();
    for (const isOld of [false, true]) {
      const invite = inviteOf(scene, '10');
      const { create, eventId, pdu, roomId } = invite;
      await sent(scene, invite, { event: pdu, room_version: '10', invite_room_state: [create] });
      remote.answer = ({ url }) => {
        if (url.includes('/make_leave/')) {
          const [auth, prev] = [[eventIdOf(create, roomVersion('10')), eventId], [eventId]];
          const event = { auth_events: auth, prev_events: prev, depth: 2 };
          return { status: 200, body: { room_version: '10', event } };
        }
        if (url.includes('/v2/send_leave/')) {
          return isOld
            ? { status: 404, body: { errcode: 'M_UNRECOGNIZED', error: 'What?' } }
            : { status: 200, body: {} };
        }
        if (!url.includes('/v1/send_leave/')) return undefined;
        return { status: 200, body: [200, {}] as unknown as JsonObject };
      };
      await alice.ok('POST', alice.room(roomId, '/leave'), {});
      const last = remote.seen.findLast(({ url }) => url.includes('/send_leave/'));
      assert.match(last?.url ?? '', isOld ? /\/v1\// : /\/v2\//);
      const leave = last?.body as Json;
      assert.deepEqual([leave.content.membership, leave.state_key], ['leave', alice.userId]);
      assert.deepEqual([leave.prev_events, leave.depth], [[eventId], 2]);
      await alice.syncUntil(since, (body) => body.rooms?.leave?.[roomId] !== undefined);
      assert.equal((await alice.sync()).rooms?.invite?.[roomId], undefined);
    }
  },
);
