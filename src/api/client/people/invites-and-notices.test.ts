import assert from 'node:assert/strict';
import type { Json, TestClient } from '../../../testing/client/test-client.ts';
import { openPlaceDatabase } from '../../../testing/server/place-database.ts';
import { onServers, type TestServer } from '../../../testing/server/test-server.ts';
import * as usersStore from '../../../storage/accounts/users-store.ts';
import { UnitOfWork } from '../../../storage/unit-of-work.ts';
import type { UserId } from '../../../protocol/identifiers.ts';

const ME = (client: TestClient, type: string) => `/v3/user/${client.userId}/account_data/${type}`;

async function invites(client: TestClient): Promise<string[]> {
  return Object.keys((await client.sync()).rooms?.invite ?? {});
}

onServers('Who blocks invites gets none, by any way, until the block is lifted [B054 partial]', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const early = await bob.createRoom({ invite: [alice.userId] });
  assert.deepEqual(await invites(alice), [early]);
  const { next_batch: since } = await alice.sync();
  await alice.ok('PUT', ME(alice, 'm.invite_permission_config'), { default_action: 'block' });
  assert.deepEqual(await invites(alice), [], 'what came before is withheld, too');

  const room = await bob.createRoom();
  const refused = (method: string, path: string, body: object) =>
    bob.fails(403, 'M_INVITE_BLOCKED', method, path, body);
  await refused('POST', bob.room(room, '/invite'), { user_id: alice.userId });
  await refused('POST', '/v3/createRoom', { invite: [alice.userId] });
  const first = { type: 'm.room.member', state_key: alice.userId, content: { membership: 'invite' } };
  await refused('POST', '/v3/createRoom', { initial_state: [first] });
  const state = bob.room(room, `/state/m.room.member/${encodeURIComponent(alice.userId)}`);
  await refused('PUT', state, { membership: 'invite' });
  assert.equal((await alice.sync({ since })).rooms?.invite, undefined);

  await alice.ok('PUT', ME(alice, 'm.invite_permission_config'), {});
  await bob.ok('POST', bob.room(room, '/invite'), { user_id: alice.userId });
  assert.deepEqual((await invites(alice)).sort(), [early, room].sort());
});

onServers('Invites are refused or go unseen by lists of users and servers (MSC4155)', async (s) => {
  const alice = await s.person('alice');
  const bob = await s.person('bob');
  const carol = await s.person('carol');
  const rules = (content: object) =>
    alice.ok('PUT', ME(alice, 'org.matrix.msc4155.invite_permission_config'), content);
  const invite = { invite: [alice.userId] };
  await rules({ blocked_users: ['@b?b:*'] });
  await bob.fails(403, 'M_INVITE_BLOCKED', 'POST', '/v3/createRoom', invite);
  const first = await carol.createRoom(invite);
  assert.deepEqual(await invites(alice), [first]);
  await rules({ ignored_users: [bob.userId, carol.userId] });
  await bob.createRoom(invite);
  assert.deepEqual(await invites(alice), [], 'neither the ignored one nor the earlier one is shown');
  await rules({ allowed_users: [carol.userId], blocked_servers: ['local*'] });
  await bob.fails(403, 'M_INVITE_BLOCKED', 'POST', '/v3/createRoom', invite);
  await carol.createRoom(invite);
});

async function admin(s: TestServer): Promise<TestClient> {
  const { newAccounts } = s.server.services;
  const userId = await newAccounts.createUser('root', 'root password', true);
  const { accessToken } = await newAccounts.openSession(userId);
  return Object.assign(s.anonymous(), { token: accessToken, userId });
}

onServers('Server notices come into one room that cannot be declined [B074]', async (s) => {
  const root = await admin(s);
  const alice = await s.person('alice');
  const path = '/_synapse/admin/v1/send_server_notice';
  const notice = { user_id: alice.userId, content: { msgtype: 'm.text', body: 'hello' } };
  await alice.fails(403, 'M_FORBIDDEN', 'POST', path);
  await root.fails(400, 'M_BAD_JSON', 'POST', path, {});
  await root.fails(404, 'M_NOT_FOUND', 'POST', path, { ...notice, user_id: '@nobody:localhost' });
  await alice.ok('PUT', ME(alice, 'm.invite_permission_config'), { default_action: 'block' });
  const { event_id: eventId } = await root.ok('POST', path, notice);
  const [room = ''] = await invites(alice);
  assert.notEqual(room, '');
  const tags = await alice.ok('GET', `/v3/user/${alice.userId}/rooms/${encodeURIComponent(room)}/tags`);
  assert.deepEqual(tags, { tags: { 'm.server_notice': {} } });
  const cannot = 'M_CANNOT_LEAVE_SERVER_NOTICE_ROOM';
  await alice.fails(403, cannot, 'POST', alice.room(room, '/leave'), {});
  const own = alice.room(room, `/state/m.room.member/${encodeURIComponent(alice.userId)}`);
  await alice.fails(403, cannot, 'PUT', own, { membership: 'leave' });
  await alice.join(room);
  const { chunk } = await alice.ok('GET', alice.room(room, '/messages?dir=b'));
  const sent = (chunk as Json[]).find((event) => event.event_id === eventId);
  assert.equal(sent.content.body, 'hello');
  assert.equal(sent.sender, '@_server:localhost');
  const said = { msgtype: 'm.text', body: 'x' };
  await alice.fails(403, 'M_FORBIDDEN', 'PUT', alice.room(room, '/send/m.room.message/1'), said);
  await alice.ok('POST', alice.room(room, '/leave'), {});
  const once = await root.ok('PUT', `${path}/1`, notice);
  assert.deepEqual(await root.ok('PUT', `${path}/1`, notice), once);
  assert.deepEqual(await invites(alice), [room], 'the same room is used again');
});

const NOTICE = '/_synapse/admin/v1/send_server_notice';
const hello = (to: TestClient) => ({ user_id: to.userId, content: { msgtype: 'm.text', body: 'hello' } });

onServers('nobody gets the name of the user who sends server notices [B074 partial]', async (s) => {
  const root = await admin(s);
  const alice = await s.person('alice');
  const register = { username: '_Server', password: 'a good password', auth: { type: 'm.login.dummy' } };
  const refused = async () => {
    await s.anonymous().fails(400, 'M_EXCLUSIVE', 'POST', '/v3/register', register);
    await s.anonymous().fails(400, 'M_EXCLUSIVE', 'GET', '/v3/register/available?username=_server');
    const { newAccounts, accounts } = s.server.services;
    const exclusive = { errcode: 'M_EXCLUSIVE' };
    await assert.rejects(newAccounts.createUser('_server', 'a good password', true), exclusive);
    const server = '@_server:localhost' as UserId;
    await assert.rejects(
      newAccounts.createLinked(server, 'x', () => undefined),
      exclusive,
    );
    await assert.rejects(accounts.setPassword(server, 'a good password', undefined), {
      errcode: 'M_FORBIDDEN',
    });
  };
  await refused();
  await root.ok('POST', NOTICE, hello(alice));
  await refused();
});

onServers('who took the name of the sender of server notices earlier sees none [B074 partial]', async (s) => {
  const root = await admin(s);
  const alice = await s.person('alice');
  await root.ok('POST', NOTICE, hello(alice));
  const [room = ''] = await invites(alice);
  const server = '@_server:localhost' as UserId;
  const unit = new UnitOfWork();
  usersStore.setPassword(unit, server, 'the hash of a password');
  const database = await openPlaceDatabase(s.place);
  await database.commit(unit);
  await database.close();
  const { error } = await root.fails(409, 'M_USER_IN_USE', 'POST', NOTICE, hello(alice));
  assert.match(error, /close that account/);
  await s.server.services.accounts.deactivate(server);
  await root.ok('POST', NOTICE, hello(alice));
  const all = await invites(alice);
  assert.equal(all.length, 2, 'others may have been let into the first room');
  assert.ok(all.includes(room));
});

onServers('Without bridges, clients are told so', async (s) => {
  const alice = await s.person('alice');
  assert.deepEqual(await alice.ok('GET', '/v3/thirdparty/protocols'), {});
  const missing = ['protocol/irc', 'location/irc', 'user/irc', 'location?alias=%23a:b', 'user?userid=@a:b'];
  for (const path of missing) await alice.fails(404, 'M_NOT_FOUND', 'GET', `/v3/thirdparty/${path}`);
  const room = await alice.createRoom();
  const publish = `/v3/directory/list/appservice/irc/${encodeURIComponent(room)}`;
  await alice.fails(403, 'M_FORBIDDEN', 'PUT', publish, { visibility: 'public' });
  await alice.fails(403, 'M_FORBIDDEN', 'POST', '/v1/appservice/irc/ping', {});
});
