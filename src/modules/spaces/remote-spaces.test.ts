import assert from 'node:assert/strict';
import { onFederation } from '../../testing/federation/federation.ts';
import { roomVersion } from '../../protocol/room-versions.ts';
import { signPdu } from '../../protocol/signing.ts';
import { RemoteRoom } from '../../testing/federation/remote-room.ts';
import type { Json, TestClient } from '../../testing/client/test-client.ts';

const SPACE = { creation_content: { type: 'm.space' } };
const part = encodeURIComponent;
const ids = (rooms: Json[]): string[] => rooms.map((room) => room.room_id);

function put(person: TestClient, space: string, room: string, via: string[]): Promise<Json> {
  return person.setState(space, 'm.space.child', { via }, room);
}

onFederation(
  'spaces of other servers are shown with what is below them, and their rooms have summaries [B109]',
  async ({ a, b }) => {
    const alice = await a.person('alice');
    const bob = await b.person('bob');
    const root = await alice.createRoom({ ...SPACE, preset: 'public_chat', name: 'Root' });
    const space = await bob.createRoom({
      ...{ ...SPACE, preset: 'public_chat', name: 'Space there', room_alias_name: 'there' },
    });
    const inner = await bob.createRoom({ ...SPACE, preset: 'public_chat', name: 'Inner' });
    const leaf = await bob.createRoom({ preset: 'public_chat', name: 'Leaf' });
    const secret = await bob.createRoom({ preset: 'private_chat', name: 'Secret' });
    for (const room of [inner, secret, leaf]) await put(bob, space, room, [b.name]);
    const deep = await bob.createRoom({ preset: 'public_chat', name: 'Deep' });
    await put(bob, inner, deep, [b.name]);
    await put(alice, root, space, ['localhost:1', b.name]);
    const path = (query = '') => `/v1/rooms/${part(root)}/hierarchy${query}`;
    const { rooms } = await alice.ok('GET', path());
    assert.deepEqual(ids(rooms), [root, space, inner, deep, leaf]);
    assert.deepEqual(
      rooms[1].children_state.map((child: Json) => child.state_key),
      [inner, secret, leaf],
    );
    const page = await alice.ok('GET', path('?limit=3'));
    const rest = await alice.ok('GET', path(`?from=${page.next_batch}`));
    assert.deepEqual([...ids(page.rooms), ...ids(rest.rooms)], ids(rooms));

    const summary = `/v1/room_summary/`;
    const byId = await alice.ok('GET', `${summary}${part(leaf)}?via=${b.name}`);
    assert.deepEqual([byId.room_id, byId.name, byId.membership], [leaf, 'Leaf', 'leave']);
    const byAlias = await alice.ok('GET', `${summary}${part(`#there:${b.name}`)}`);
    assert.deepEqual([byAlias.name, byAlias.room_type], ['Space there', 'm.space']);
    await alice.fails(404, 'M_NOT_FOUND', 'GET', `${summary}${part(secret)}?via=${b.name}`);
  },
);

onFederation(
  'who is invited to a room elsewhere gets its summary without saying by which servers',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const room = await bob.createRoom({ name: 'Secret', room_version: '12' });
    const summary = `/v1/room_summary/${part(room)}`;
    await alice.fails(404, 'M_NOT_FOUND', 'GET', summary);
    await bob.ok('POST', bob.room(room, '/invite'), { user_id: alice.userId });
    const { name, membership } = await alice.ok('GET', summary);
    assert.deepEqual([name, membership], ['Secret', 'invite']);
    await alice.ok('POST', alice.room(room, '/leave'), {});
    await alice.fails(404, 'M_NOT_FOUND', 'GET', summary);
  },
);

onFederation(
  'who is invited to a space elsewhere is shown what is below it, as far as they may know of it [B109]',
  async ({ a, b }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const space = await bob.createRoom({ ...SPACE, name: 'Invited', room_version: '12' });
    const open = await bob.createRoom({ preset: 'public_chat' });
    const allow = [{ type: 'm.room_membership', room_id: space }];
    const restricted = await bob.createRoom({
      initial_state: [{ type: 'm.room.join_rules', content: { join_rule: 'restricted', allow } }],
    });
    const [secret, asked] = [await bob.createRoom(), await bob.createRoom()];
    for (const room of [open, restricted, secret, asked]) await put(bob, space, room, [b.name]);
    const path = `/v1/rooms/${part(space)}/hierarchy`;
    await alice.fails(403, 'M_FORBIDDEN', 'GET', path);
    for (const room of [space, asked])
      await bob.ok('POST', bob.room(room, '/invite'), { user_id: alice.userId });
    const { rooms } = await alice.ok('GET', path);
    assert.equal(rooms[0].name, 'Invited');
    assert.deepEqual(ids(rooms), [space, open, asked]);
    const page = await alice.ok('GET', `${path}?limit=1`);
    assert.deepEqual(ids((await alice.ok('GET', `${path}?from=${page.next_batch}`)).rooms), [open, asked]);
    await alice.ok('POST', alice.room(space, '/leave'), {});
    await alice.fails(403, 'M_FORBIDDEN', 'GET', path);
  },
);

onFederation(
  'a server is told of the rooms of a space that its users could join, and of which they could not [B109]',
  async ({ a, startRemote }) => {
    const remote = await startRemote();
    const alice = await a.person('alice');
    const space = await alice.createRoom({ ...SPACE, preset: 'public_chat' });
    const allow = [{ type: 'm.room_membership', room_id: space }];
    const rules = { type: 'm.room.join_rules', state_key: '', content: { join_rule: 'restricted', allow } };
    const open = await alice.createRoom({ preset: 'public_chat', name: 'Open' });
    const closed = await alice.createRoom({ preset: 'private_chat' });
    const restricted = await alice.createRoom({ initial_state: [rules] });
    for (const room of [open, closed, restricted]) await put(alice, space, room, [a.name]);
    await put(alice, space, '!elsewhere:other.test', ['other.test']);
    const suggested = { via: [a.name], suggested: true };
    await alice.setState(space, 'm.space.child', suggested, open);
    const ask = (room: string, query = '') =>
      remote.ask(a.name, 'GET', `/_matrix/federation/v1/hierarchy/${part(room)}${query}`);
    const { body } = await ask(space);
    assert.equal(body.room.room_id, space);
    assert.equal(body.room.children_state.length, 4);
    assert.deepEqual(ids(body.children), [open]);
    assert.deepEqual(body.inaccessible_children.sort(), [closed, restricted].sort());
    const few = await ask(space, '?suggested_only=true');
    assert.deepEqual([ids(few.body.children), few.body.inaccessible_children], [[open], []]);
    assert.equal((await ask(closed)).status, 404);
    assert.equal((await ask('!nothing:here.test')).status, 404);

    const mallory = (await RemoteRoom.join(remote, a.name, space)).userId;
    const joined = (await ask(space)).body;
    assert.deepEqual(ids(joined.children).sort(), [open, restricted].sort());
    assert.deepEqual(joined.inaccessible_children, [closed]);
    const summary = joined.children.find((child: Json) => child.room_id === restricted);
    assert.deepEqual([summary.join_rule, summary.allowed_room_ids], ['restricted', [space]]);
    remote.answer = ({ url, body: sent }) =>
      url.includes('/v2/invite/')
        ? { status: 200, body: { event: signPdu(sent.event, roomVersion('12'), remote.name, remote.key) } }
        : undefined;
    await alice.ok('POST', alice.room(closed, '/invite'), { user_id: mallory });
    assert.deepEqual((await ask(space)).body.inaccessible_children, [], 'who is invited could join');
  },
  { servers: 1 },
);

onFederation(
  'servers that do not answer do not keep a space from being shown, with what the others tell',
  async ({ a, b, startRemote }) => {
    const [alice, bob] = [await a.person('alice'), await b.person('bob')];
    const space = await alice.createRoom(SPACE);
    for (let i = 0; i < 4; i++) {
      const remote = await startRemote();
      remote.holds = ({ url }) =>
        url.includes('/hierarchy/') ? new Promise<void>(() => undefined) : undefined;
      await put(alice, space, `!room${i}:${remote.name}`, [remote.name]);
    }
    const open = await bob.createRoom({ preset: 'public_chat' });
    await alice.setState(space, 'm.space.child', { via: [b.name], order: '~' }, open);
    const first = await alice.createRoom({ preset: 'public_chat' });
    await alice.setState(space, 'm.space.child', { via: [a.name], order: 'a' }, first);
    const begun = performance.now();
    const path = `/v1/rooms/${part(space)}/hierarchy`;
    assert.deepEqual(ids((await alice.ok('GET', path)).rooms).sort(), [space, first, open].sort());
    const took = performance.now() - begun;
    assert.ok(took < 20_000, `it took ${took} ms`);
    assert.equal((await alice.ok('GET', path)).rooms.length, 3);
    const again = performance.now() - begun - took;
    assert.ok(again < 5_000, `it took ${again} ms once more`);
  },
);

onFederation(
  'what another server calls a room and is none is not passed on',
  async ({ a, startRemote }) => {
    const alice = await a.person('alice');
    const remote = await startRemote();
    const space = await alice.createRoom(SPACE);
    const told = (id: string): Json => ({
      ...{ room_id: id, num_joined_members: 1, guest_can_join: false, world_readable: false },
      ...{ join_rule: 'restricted', allowed_room_ids: ['no room', space], children_state: [] },
    });
    const below = `!below:${remote.name}`;
    remote.answer = ({ url }) =>
      url.includes('/hierarchy/')
        ? {
            status: 200,
            body: { room: told(below), children: [told('nor is this')], inaccessible_children: [] },
          }
        : undefined;
    await put(alice, space, below, [remote.name]);
    const { rooms } = await alice.ok('GET', `/v1/rooms/${part(space)}/hierarchy`);
    assert.deepEqual(ids(rooms), [space, below]);
    assert.deepEqual(rooms[1].allowed_room_ids, [space]);
  },
  { servers: 1 },
);
